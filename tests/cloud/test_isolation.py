from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lambdarray.cloud.launcher import FEW_USERS, users_of
from lambdarray.cloud.sandbox import Interpreter, not_enforced

IMPORTS = """
import importlib
def attempt(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        return str(error)
    return "imported"
def handler(event, context):
    return [attempt(name) for name in event]
"""
CLIENT_PACKAGES = ["numpy", "boto3", "lambdarray", "pytest", "pip", "setuptools"]


@pytest.mark.parametrize("isolation", [None, "plain"])
def test_a_function_cannot_import_the_clients_packages(account: Any, make_account: Any, isolation: str) -> None:
    account = make_account(isolation=isolation) if isolation else account
    answers = account.run(IMPORTS, CLIENT_PACKAGES).value
    assert answers == [f"No module named '{name}'" for name in CLIENT_PACKAGES]


@pytest.mark.parametrize("isolation", [None, "plain"])
def test_a_function_has_the_standard_library_and_the_runtime_client(
    account: Any, make_account: Any, isolation: str
) -> None:
    account = make_account(isolation=isolation) if isolation else account
    names = ["sqlite3", "ssl", "ctypes", "asyncio", "awslambdaric"]
    assert set(account.run(IMPORTS, names).value) == {"imported"}


def test_a_child_interpreter_cannot_import_the_clients_packages_either(account: Any) -> None:
    if account.cloud.isolation == "plain":
        pytest.skip("without namespaces this machine's files are in sight")
    source = """
        import subprocess, sys
        def handler(event, context):
            done = subprocess.run([sys.executable, "-c", "import pip"], capture_output=True, text=True)
            return done.stderr
    """
    assert "No module named 'pip'" in account.run(source).value


def test_a_function_does_not_see_this_machines_files(account: Any) -> None:
    if account.cloud.isolation == "plain":
        pytest.skip("without namespaces this machine's files are in sight")
    source = "import os\ndef handler(event, context): return [os.path.exists(path) for path in event]"
    here = [str(Path(__file__)), sys.prefix, os.path.expanduser("~")]
    assert account.run(source, here).value == [False] * len(here)


def test_the_variables_are_those_of_aws_and_the_functions_own(account: Any) -> None:
    source = "import os\ndef handler(event, context): return dict(os.environ)"
    name = account.deploy(source, MemorySize=300, Environment={"Variables": {"COLOUR": "red", "TZ": "Asia/Tokyo"}})
    variables = account.invoke(name).value
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "300",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_S3": account.cloud.environ["AWS_ENDPOINT_URL_S3"],
        "AWS_ACCESS_KEY_ID": account.cloud.environ["AWS_ACCESS_KEY_ID"],
        "_HANDLER": "app.handler",
        "COLOUR": "red",
        "TZ": "Asia/Tokyo",
    }
    assert {key: variables.get(key) for key in expected} == expected
    assert not [key for key in variables if key.startswith(("PYTEST", "VIRTUAL_ENV", "HOME"))]


@pytest.mark.parametrize("isolation", ["user", "plain"])
def test_weaker_isolation_runs_functions_too_and_says_what_it_lacks(make_account: Any, isolation: str) -> None:
    try:
        account = make_account(isolation=isolation)
    except RuntimeError as error:
        pytest.skip(f"this machine has no user namespaces: {error}")
    assert account.cloud.isolation == isolation
    assert set(account.cloud.not_enforced) == set(not_enforced(isolation))
    name = account.deploy("import os\ndef handler(event, context): os.environ['TMPDIR'] if event else 1\n    ")
    assert account.invoke(name).error is None
    exiting = account.run("import os\ndef handler(event, context): os._exit(2)")
    assert "exit status 2" in exiting.value["errorMessage"]
    killed = account.run("def handler(event, context): return len(bytearray(400 << 20))", MemorySize=200)
    assert "signal: killed" in killed.value["errorMessage"]


def test_the_weaker_the_isolation_the_more_is_not_enforced() -> None:
    root, user, plain = (len(not_enforced(isolation)) for isolation in ("root", "user", "plain"))
    assert root < user < plain


def test_the_interpreter_is_found_inside_under_var_lang() -> None:
    assert Interpreter("/usr", "/usr/bin/python3.11").inside == "/var/lang/bin/python3.11"


def test_the_environments_of_two_clouds_run_as_different_users() -> None:
    if users_of(1) == FEW_USERS:
        pytest.skip("this container has too few users to keep clouds apart")
    assert not set(users_of(1)) & set(users_of(2))
