from __future__ import annotations

import subprocess
import sys
from inspect import Parameter, signature

import pytest
from lambdarray_kernels import get
from lambdarray_kernels.registry import MODULES, NAMES


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_kernel_is_where_the_registry_says_and_says_what_it_does(name):
    found = get(name)
    assert found.name == name
    assert found.fn.__module__ == f"lambdarray_kernels.{MODULES[name]}"
    assert ">>>" in (found.fn.__doc__ or "")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_kernel_and_its_flops_have_the_same_defaults(name):
    theirs, ours = (signature(f).parameters.values() for f in (get(name).flops, get(name).fn))
    known = {p.name: p.default for p in ours if p.kind is p.KEYWORD_ONLY}
    counted = {p.name: p.default for p in theirs if p.kind is p.KEYWORD_ONLY}
    optional = {n: d for n, d in known.items() if d is not Parameter.empty}
    assert {n: counted[n] for n in optional if n in counted} == {n: d for n, d in optional.items() if n in counted}
    assert any(p.kind is p.VAR_KEYWORD for p in theirs) or known.keys() <= counted.keys()


def test_no_name_stands_for_two_kernels():
    assert len(MODULES) == sum(len(names.split()) for names in NAMES.values())


def test_a_kernel_that_does_not_exist_is_a_key_error():
    with pytest.raises(KeyError, match="nothing"):
        get("nothing")


def test_no_kernels_module_loads_scipy_before_it_is_used():
    code = "import sys\nfrom lambdarray_kernels.registry import MODULES, get\nfor n in MODULES: get(n)\n"
    code += "sys.exit(any(m.startswith('scipy') for m in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
