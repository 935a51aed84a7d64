from __future__ import annotations

import subprocess
import sys

import pytest
from lambdarray_kernels import get
from lambdarray_kernels.registry import MODULES, NAMES


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_kernel_is_where_the_registry_says_and_says_what_it_does(name):
    found = get(name)
    assert found.name == name
    assert found.fn.__module__ == f"lambdarray_kernels.{MODULES[name]}"
    assert ">>>" in (found.fn.__doc__ or "")


def test_no_name_stands_for_two_kernels():
    assert len(MODULES) == sum(len(names.split()) for names in NAMES.values())


def test_a_kernel_that_does_not_exist_is_a_key_error():
    with pytest.raises(KeyError, match="nothing"):
        get("nothing")


def test_no_kernels_module_loads_scipy_before_it_is_used():
    code = "import sys\nfrom lambdarray_kernels.registry import MODULES, get\nfor n in MODULES: get(n)\n"
    code += "sys.exit(any(m.startswith('scipy') for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
