"""The process of a local cloud: everything is put together here, and taken apart in the reverse order.

It reads its settings as JSON from its argument, prints one line of JSON when it is ready, and ends when its
standard input does, on SIGTERM, or when its parent is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from lambdarray.cloud.api import CODE_PATH, LambdaApi
from lambdarray.cloud.functions import FunctionRegistry
from lambdarray.cloud.invoke import Delivery, Invoker
from lambdarray.cloud.launcher import Identity, Launcher
from lambdarray.cloud.layers import LayerRegistry
from lambdarray.cloud.packages import PackageStore, S3Access
from lambdarray.cloud.pool import EnvironmentPool
from lambdarray.cloud.processes import Warden
from lambdarray.cloud.sandbox import Interpreter, not_enforced
from lambdarray.cloud.settings import ACCOUNT, CloudSettings
from lambdarray.cloud.signing import Credentials
from lambdarray.cloud.sinks import LogSink
from lambdarray.cloud.storage import MotoServer
from lambdarray.cloud.wire import listen, port_of, serve_http
from lambdarray.errors import ConfigError, LambdarrayError

FAKE = Credentials("LOCALCLOUD0000000000", "local-cloud-secret-key", "local-cloud-session-token")
PARENT_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Description:
    """What the process that asked for a local cloud is told about it."""

    environ: dict[str, str]
    isolation: str
    not_enforced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the Lambda API stands on: a folder, its socket, the keys, the addresses of all services."""

    folder: Path
    listening: socket.socket
    credentials: Credentials
    endpoints: dict[str, str]

    @property
    def lambda_url(self) -> str:
        """The address of the Lambda API."""
        return self.endpoints["AWS_ENDPOINT_URL_LAMBDA"]

    def s3(self, region: str) -> S3Access:
        """How this process itself reaches S3."""
        return S3Access(self.endpoints["AWS_ENDPOINT_URL_S3"], region, self.credentials)


def choose_credentials(s3: str) -> Credentials:
    """Made-up keys; for another S3 server, which checks them, the user's own if there are any."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if s3 != "moto" and key and secret:
        return Credentials(key, secret, os.environ.get("AWS_SESSION_TOKEN"))
    return FAKE


def endpoints(lambda_url: str, moto_url: str, s3: str) -> dict[str, str]:
    """Variables that point boto3 and obstore at the services."""
    named = ("IAM", "STS", "CLOUDWATCH_LOGS", "LOGS", "SERVICE_QUOTAS")
    urls = {f"AWS_ENDPOINT_URL_{name}": moto_url for name in named}
    # Whatever else is asked for stays on this machine too.
    urls |= {"AWS_ENDPOINT_URL": moto_url, "AWS_ENDPOINT_URL_LAMBDA": lambda_url}
    return urls | {"AWS_ENDPOINT_URL_S3": moto_url if s3 == "moto" else s3}


async def surround(settings: CloudSettings, stack: contextlib.AsyncExitStack) -> Surroundings:
    """Make the folder, the socket and the moto server."""
    moto = MotoServer()
    stack.callback(moto.close)
    folder = tempfile.mkdtemp(prefix="lambdarray-cloud-")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    try:
        listening = stack.enter_context(listen(settings.port))
    except OSError as error:
        raise ConfigError(f"port {settings.port} of 127.0.0.1 cannot be used: {error}; choose another") from error
    urls = endpoints(f"http://127.0.0.1:{port_of(listening)}", await asyncio.to_thread(moto.wait_for_url), settings.s3)
    return Surroundings(Path(folder), listening, choose_credentials(settings.s3), urls)


async def make_launcher(settings: CloudSettings, around: Surroundings, stack: contextlib.AsyncExitStack) -> Launcher:
    """Start the warden and find the strictest isolation."""
    warden = Warden(Interpreter.current())
    stack.callback(warden.close)
    identity = Identity(settings.region, around.credentials, around.endpoints)
    launcher = Launcher(warden, around.folder, identity)
    await launcher.prepare(settings.isolation)
    return launcher


def run_in_background(stack: contextlib.AsyncExitStack, *work: object) -> None:
    """Run coroutines until the stack unwinds."""
    for coroutine in work:
        assert asyncio.iscoroutine(coroutine)
        stack.callback(asyncio.get_running_loop().create_task(coroutine).cancel)


async def start_lambda(
    settings: CloudSettings, around: Surroundings, launcher: Launcher, stack: contextlib.AsyncExitStack
) -> None:
    """Put the Lambda API together and let it answer."""
    arns = f"arn:aws:lambda:{settings.region}:{ACCOUNT}"
    packages = PackageStore(around.folder / "packages", around.s3(settings.region))
    layers = LayerRegistry(packages, arns, around.lambda_url + CODE_PATH)
    functions = FunctionRegistry(packages, layers, arns, settings.account_concurrency, settings.pending_seconds)
    pool = EnvironmentPool(functions, launcher.launch, settings.memory_budget_mib(), settings.idle_seconds)
    stack.callback(pool.close)
    sink = LogSink(around.endpoints["AWS_ENDPOINT_URL_LOGS"], settings.region, around.credentials)
    delivery = Delivery(settings.event_retry_seconds, settings.duplicate_events, settings.seed)
    invoker = Invoker(functions, pool, delivery, sink)
    stack.callback(invoker.close)
    run_in_background(stack, pool.watch(), sink.run())
    api = LambdaApi(layers, functions, invoker, packages, around.credentials)
    server = await serve_http(api.handle, around.listening)
    stack.callback(server.close)


def describe(settings: CloudSettings, around: Surroundings, isolation: str) -> Description:
    """What a client needs to know."""
    keys = around.credentials
    environ = around.endpoints | {
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    }
    if keys.session_token:
        environ["AWS_SESSION_TOKEN"] = keys.session_token
    return Description(environ, isolation, not_enforced(isolation))


def make_bucket(s3: S3Access, name: str) -> None:
    """Create a bucket unless it is there."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = s3.client()
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": s3.region}}
    try:
        client.create_bucket(Bucket=name, **({} if s3.region == "us-east-1" else elsewhere))
    except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
        return
    except (BotoCoreError, ClientError) as error:
        raise ConfigError(f"the bucket {name} cannot be made at {s3.endpoint}: {error}") from error


async def until_stopped() -> None:
    """Return on SIGTERM, at the end of standard input, or when the parent is gone."""
    loop, stop, parent = asyncio.get_running_loop(), asyncio.Event(), os.getppid()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    # Ctrl-C reaches every process of the terminal; the one that started this cloud decides.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    while not stop.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PARENT_CHECK_SECONDS)
    loop.remove_reader(sys.stdin.fileno())


async def run(settings: CloudSettings) -> None:
    """Be a local cloud."""
    async with contextlib.AsyncExitStack() as stack:
        around = await surround(settings, stack)
        launcher = await make_launcher(settings, around, stack)
        await start_lambda(settings, around, launcher, stack)
        if settings.bucket is not None:
            await asyncio.to_thread(make_bucket, around.s3(settings.region), settings.bucket)
        say(asdict(describe(settings, around, launcher.isolation)))
        await until_stopped()


def say(message: dict[str, object]) -> None:
    """Tell the parent, in a line of JSON."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def raise_file_limit() -> None:
    """Allow as many connections as the system lets us have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Be a local cloud with the settings of the only argument."""
    logging.basicConfig(level=logging.WARNING, format="local cloud: %(message)s")
    raise_file_limit()
    try:
        asyncio.run(run(CloudSettings.from_json(sys.argv[1])))
    except LambdarrayError as error:
        say({"error": str(error)})
        sys.exit(1)


if __name__ == "__main__":
    main()
