"""The Lambda REST API: which request is which operation."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lambdarray.cloud.faults import Fault, invalid, missing
from lambdarray.cloud.functions import FunctionRegistry
from lambdarray.cloud.invoke import Invoker
from lambdarray.cloud.layers import Json, LayerRegistry
from lambdarray.cloud.limits import API_REQUEST_BYTES
from lambdarray.cloud.packages import PackageStore
from lambdarray.cloud.signing import Credentials, require_signature
from lambdarray.cloud.wire import Request, Response

CODE_PATH = "/_code"


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path pattern, and the operation behind them."""

    method: str
    path: re.Pattern[str]
    operation: Callable[..., Awaitable[Response]]


class LambdaApi:
    """Answers the requests of boto3 and of any other client that signs them."""

    def __init__(
        self,
        layers: LayerRegistry,
        functions: FunctionRegistry,
        invoker: Invoker,
        packages: PackageStore,
        credentials: Credentials,
    ) -> None:
        self.layers, self.functions, self.invoker = layers, functions, invoker
        self._packages, self._credentials = packages, credentials
        self._routes = [
            Route(method, re.compile(re.sub(r"\{\w+\}", "([^/]+)", path) + "/?"), operation)
            for method, path, operation in self._table()
        ]

    def _table(self) -> list[tuple[str, str, Callable[..., Awaitable[Response]]]]:
        function = "/2015-03-31/functions/{name}"
        layer = "/2018-10-31/layers/{name}/versions"
        events = "/2019-09-25/functions/{name}/event-invoke-config"
        return [
            ("POST", f"{function}/invocations", self._invoke),
            ("GET", "/2018-10-31/layers", self._list_layers),
            ("POST", layer, self._publish_layer),
            ("GET", layer, self._list_layer_versions),
            ("GET", layer + "/{number}", self._get_layer),
            ("DELETE", layer + "/{number}", self._delete_layer),
            ("POST", "/2015-03-31/functions", self._create_function),
            ("GET", "/2015-03-31/functions", self._list_functions),
            ("GET", function, self._get_function),
            ("DELETE", function, self._delete_function),
            ("PUT", f"{function}/code", self._update_code),
            ("GET", f"{function}/configuration", self._get_configuration),
            ("PUT", f"{function}/configuration", self._update_configuration),
            ("GET", f"{function}/versions", self._list_versions),
            ("PUT", "/2017-10-31/functions/{name}/concurrency", self._put_concurrency),
            ("GET", "/2019-09-30/functions/{name}/concurrency", self._get_concurrency),
            ("DELETE", "/2017-10-31/functions/{name}/concurrency", self._delete_concurrency),
            ("PUT", events, self._put_event_config),
            ("POST", events, self._update_event_config),
            ("GET", events, self._get_event_config),
            ("DELETE", events, self._delete_event_config),
            ("GET", "/2016-08-19/account-settings", self._account_settings),
            ("GET", "/2017-03-31/tags/{arn}", self._list_tags),
            ("POST", "/2017-03-31/tags/{arn}", self._tag),
            ("DELETE", "/2017-03-31/tags/{arn}", self._untag),
        ]

    async def handle(self, request: Request) -> Response:
        """Answer one request; an error becomes the answer that AWS would give."""
        try:
            if request.method == "GET" and request.path.startswith(CODE_PATH + "/"):
                return self._download(request.path)
            require_signature(request, self._credentials)
            response = await self._dispatch(request)
        except Fault as fault:
            response = fault.response()
        response.headers.setdefault("x-amzn-RequestId", str(uuid.uuid4()))
        return response

    async def _dispatch(self, request: Request) -> Response:
        for route in self._routes:
            if route.method == request.method:
                match = route.path.fullmatch(request.path)
                if match is not None:
                    return await route.operation(request, *map(unquote, match.groups()))
        raise Fault(
            "NotImplementedException",
            f"the local cloud has no operation for {request.method} {request.path}; it covers layers, functions, "
            "invocations, concurrency, event configuration, account settings and tags",
        )

    def _download(self, path: str) -> Response:
        """A package's zip, as from the presigned URL that AWS gives."""
        name = path.removeprefix(CODE_PATH + "/").removesuffix(".zip")
        file = self._packages.zip_path(name)
        if not re.fullmatch(r"[0-9a-f]{64}", name) or not file.exists():
            raise missing(f"there is no package {name}")
        return Response(200, file.read_bytes(), {"Content-Type": "application/zip"})

    # Layers

    async def _publish_layer(self, request: Request, name: str) -> Response:
        return _answer(await self.layers.publish(name, _body(request)), 201)

    async def _list_layers(self, request: Request) -> Response:
        if request.query.get("find") == "LayerVersion":
            return _answer(self.layers.get_by_arn(request.query.get("Arn", "")))
        return _answer(self.layers.list_layers(request.query))

    async def _list_layer_versions(self, request: Request, name: str) -> Response:
        return _answer(self.layers.list_versions(name, request.query))

    async def _get_layer(self, request: Request, name: str, number: str) -> Response:
        return _answer(self.layers.get(name, _number(number)))

    async def _delete_layer(self, request: Request, name: str, number: str) -> Response:
        self.layers.delete(name, _number(number))
        return Response(204)

    # Functions

    async def _create_function(self, request: Request) -> Response:
        return _answer(await self.functions.create(_body(request)), 201)

    async def _list_functions(self, request: Request) -> Response:
        return _answer(self.functions.list(request.query))

    async def _get_function(self, request: Request, name: str) -> Response:
        function = self.functions.find(name, request.query.get("Qualifier"))
        host = request.headers.get("host", "127.0.0.1")
        location = f"http://{host}{CODE_PATH}/{function.package.name}.zip"
        answer: Json = {
            "Configuration": function.describe(),
            "Code": {"RepositoryType": "S3", "Location": location},
            "Tags": function.tags,
        }
        if function.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
        return _answer(answer)

    async def _get_configuration(self, request: Request, name: str) -> Response:
        return _answer(self.functions.find(name, request.query.get("Qualifier")).describe())

    async def _list_versions(self, request: Request, name: str) -> Response:
        return _answer({"Versions": [self.functions.find(name).describe()]})

    async def _update_code(self, request: Request, name: str) -> Response:
        return _answer(await self.functions.update_code(name, _body(request)))

    async def _update_configuration(self, request: Request, name: str) -> Response:
        return _answer(await self.functions.update_configuration(name, _body(request)))

    async def _delete_function(self, request: Request, name: str) -> Response:
        self.functions.delete(name, request.query.get("Qualifier"))
        return Response(204)

    async def _invoke(self, request: Request, name: str) -> Response:
        return await self.invoker.invoke(request, name)

    # Concurrency, events, account, tags

    async def _put_concurrency(self, request: Request, name: str) -> Response:
        amount = _body(request).get("ReservedConcurrentExecutions")
        if not isinstance(amount, int) or amount < 0:
            raise invalid(f"ReservedConcurrentExecutions must be a number from 0, not {amount!r}")
        return _answer(self.functions.reserve(name, amount))

    async def _get_concurrency(self, request: Request, name: str) -> Response:
        amount = self.functions.find(name).reserved_concurrency
        return _answer({} if amount is None else {"ReservedConcurrentExecutions": amount})

    async def _delete_concurrency(self, request: Request, name: str) -> Response:
        self.functions.find(name).reserved_concurrency = None
        return Response(204)

    async def _put_event_config(self, request: Request, name: str) -> Response:
        return _answer(self.functions.put_event_config(name, _body(request), merge=False))

    async def _update_event_config(self, request: Request, name: str) -> Response:
        return _answer(self.functions.put_event_config(name, _body(request), merge=True))

    async def _get_event_config(self, request: Request, name: str) -> Response:
        return _answer(self.functions.get_event_config(name))

    async def _delete_event_config(self, request: Request, name: str) -> Response:
        self.functions.get_event_config(name)
        self.functions.find(name).event_config = None
        return Response(204)

    async def _account_settings(self, request: Request) -> Response:
        return _answer(self.functions.account_settings())

    async def _list_tags(self, request: Request, arn: str) -> Response:
        return _answer({"Tags": self.functions.find(arn).tags})

    async def _tag(self, request: Request, arn: str) -> Response:
        self.functions.find(arn).tags.update(_body(request).get("Tags") or {})
        return Response(204)

    async def _untag(self, request: Request, arn: str) -> Response:
        tags = self.functions.find(arn).tags
        for key in request.query_values("tagKeys"):
            tags.pop(key, None)
        return Response(204)


def _answer(body: Json, status: int = 200) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _body(request: Request) -> Json:
    if len(request.body) > API_REQUEST_BYTES:
        message = f"Request must be smaller than {API_REQUEST_BYTES} bytes; larger packages go through S3Bucket"
        raise Fault("RequestEntityTooLargeException", message)
    try:
        parsed: Any = json.loads(request.body or b"{}")
    except ValueError as error:
        raise Fault("InvalidRequestContentException", f"the body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise Fault("InvalidRequestContentException", "the body must be a JSON object")
    return parsed


def _number(text: str) -> int:
    if not text.isdigit():
        raise invalid(f"a layer's version is a number, not {text!r}")
    return int(text)
