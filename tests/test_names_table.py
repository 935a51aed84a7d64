"""The table of NumPy's and Dask's names is what the script makes, and has the shares that are promised."""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "numpy-names.md"


def script() -> Any:
    spec = spec_from_file_location("numpy_names", ROOT / "tools" / "numpy_names.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


names = script()


def test_the_page_is_what_the_script_makes() -> None:
    text = PAGE.read_text()
    version = re.search(r"NumPy (\d+\.\d+)", text)
    assert version is not None
    if version[1] != names.VERSION:
        pytest.skip(f"the page lists the names of NumPy {version[1]}, and this is {np.__version__}")
    assert text == names.page(), "run `make names`"


def test_nine_tenths_of_numpys_functions_of_arrays_are_here() -> None:
    tables = names.numpy_tables()
    assert names.share(tables) >= 0.9, [name for t in tables for name in t.missing]


def test_all_of_numpys_generator_is_here() -> None:
    assert names.numpy_tables()[-1].missing == []


def test_all_of_dasks_functions_of_arrays_are_here() -> None:
    assert names.dask_table().missing == []


def test_what_has_no_name_here_is_found_to_have_none() -> None:
    assert names.find("linspace") is not None
    assert names.find("random.Generator.normal") is not None
    assert names.find("no_such_function") is names.find("random.no.such") is None


def test_every_reason_is_of_a_function_that_there_is() -> None:
    listed = {name for name, _ in names.numpy_tables()[0].rows}, {name for name, _ in names.dask_table().rows}
    assert names.reasons(names.NUMPY_OTHERS).keys() <= listed[0]
    assert names.reasons(names.DASK_OTHERS).keys() <= listed[1]
