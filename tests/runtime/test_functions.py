"""How a user's function travels: as an array of one element, and as itself where it never left the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from weakref import WeakValueDictionary

import cloudpickle
import numpy as np
import pytest

import lambdarray as la
from lambdarray.config import Config
from lambdarray.errors import UnpicklableError, UserFunctionError
from lambdarray.planner import Resources, make_plan
from lambdarray.runtime import functions
from lambdarray.runtime.functions import Function, Loaded, find, function, place_of
from lambdarray.runtime.launch import Launch
from lambdarray.store import open_array, open_store

ROOT = Path(__file__).resolve().parents[2]


class Guarded:
    def __init__(self):
        self.lock = threading.Lock()

    def __call__(self, b):
        return b


def launched(y, store):
    """A plan as it goes to workers elsewhere."""
    plan, objects = make_plan([y._op], Resources(2, 1 << 30, True))
    return Launch(plan, objects, Config(executor="lambda", store=store))


def run_elsewhere(y, store):
    """The reports of the plan's tasks, run by the handler in a process of its own, and the value if there is one."""
    launch = launched(y, store)
    launch._upload({})
    plan = launch.plan
    event = {
        "version": la.__version__,
        "store": store,
        "run": plan.key,
        "deadline_s": 60,
        "programs": {p.name: p.to_json() for p in plan.programs},
        "attempts": [[p.name, p.task(i).to_json(), i, 0] for p in plan.programs for i in range(p.task_count)],
    }
    code = (
        "import json, sys\nfrom lambdarray.runtime import handler\n"
        "print(json.dumps(handler.run_bundle(json.load(sys.stdin), lambda: 60.0)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=json.dumps(event), capture_output=True, text=True, check=True, cwd=ROOT)
    reports = json.loads(done.stdout)["reports"]
    if any(r.get("status", "done") != "done" for r in reports):
        return reports, None
    array = open_array(plan.arrays[plan.outputs[0]], open_store(store))
    return reports, array.read([(0, n) for n in y.shape])


def test_a_function_with_its_closure_and_arguments_runs_in_another_process(tmp_path):
    table = np.arange(100) ** 2

    def look_up(b, plus, block_info=None):
        return table[b] + plus["more"] + block_info[None]["chunk-location"][0]

    x = la.arange(12, chunks=5)
    _, value = run_elsewhere(x.map_blocks(look_up, {"more": 1000}, dtype=int), str(tmp_path))
    np.testing.assert_array_equal(value, np.arange(12) ** 2 + 1000 + np.repeat([0, 1, 2], [5, 5, 2]))


def test_what_is_built_on_it_runs_in_another_process_too(tmp_path):
    n = np.arange(24.0).reshape(4, 6)
    x = la.from_array(n, chunks=(2, 4))
    ring = x.map_overlap(lambda b: (b[:-2] + b[2:])[:, 1:-1], 1, "periodic", trim=False)
    _, value = run_elsewhere(ring, str(tmp_path / "ring"))
    np.testing.assert_array_equal(value, np.roll(n, 1, 0) + np.roll(n, -1, 0))
    counts = la.reduction(x, np.sum, np.sum, axis=1, dtype=float, split_every=2)
    np.testing.assert_array_equal(run_elsewhere(counts, str(tmp_path / "sum"))[1], n.sum(1))
    root = la.apply_gufunc(lambda v: np.sqrt(v).sum(), "(i)->()", x, vectorize=True, allow_rechunk=True)
    np.testing.assert_allclose(run_elsewhere(root, str(tmp_path / "root"))[1], np.sqrt(n).sum(1))


def test_worker_processes_call_functions_and_say_what_went_wrong():
    lock = threading.Lock()

    def where(b):
        return np.full(b.shape, os.getpid())

    def wrong(b):
        return b[b.sum() * 100]

    x = la.arange(6, chunks=3)
    with la.config(executor="processes", workers=1):
        assert os.getpid() not in x.map_blocks(where).compute()
        with pytest.raises(UserFunctionError, match="wrong raised IndexError: index 300 is out of bounds") as caught:
            x[:3].map_blocks(wrong, dtype=int).compute()
        assert "in wrong" in caught.value.remote_traceback
        with pytest.raises(UnpicklableError, match="its variable 'lock'"):
            x.map_blocks(lambda b: b + lock.locked(), dtype=int).compute()


def test_a_module_that_the_worker_lacks_is_named_with_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def double(b):\n    return b * 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    y = la.arange(6, chunks=3).map_blocks(only_here.double)
    reports, _ = run_elsewhere(y, str(tmp_path / "store"))
    failed = [r for r in reports if r.get("status", "done") != "done"]
    assert {r["status"] for r in failed} == {"user_error"}
    assert "double needs the module 'only_here', which this worker does not have" in failed[0]["error"]
    assert "cloudpickle.register_pickle_by_value(only_here)" in failed[0]["error"]
    np.testing.assert_array_equal(y.compute(), 2 * np.arange(6))
    cloudpickle.register_pickle_by_value(only_here)
    again = la.arange(6, chunks=3).map_blocks(only_here.double)
    np.testing.assert_array_equal(run_elsewhere(again, str(tmp_path / "store"))[1], 2 * np.arange(6))
    cloudpickle.unregister_pickle_by_value(only_here)


def test_a_function_that_cannot_be_loaded_is_named_with_the_reason(monkeypatch):
    class Refuses:
        def __reduce__(self):
            return int, ("no number",)

    x, refuses = la.arange(6, chunks=3), Refuses()
    y = x.map_blocks(lambda b, _: b, refuses, dtype=int)
    np.testing.assert_array_equal(y.compute(), np.arange(6))
    monkeypatch.setattr(functions, "_here", WeakValueDictionary())
    with pytest.raises(UserFunctionError, match="lambda cannot be loaded by this worker: ValueError: invalid literal"):
        y.compute()


# -- what cannot travel


@pytest.mark.parametrize("store", ["memory://", "disk"])
def test_what_cannot_be_pickled_works_on_threads(store, tmp_path):
    lock = threading.Lock()

    def guarded(b):
        with lock:
            return b + 1

    with la.config(store=store if store != "disk" else str(tmp_path)):
        y = la.arange(6, chunks=3).map_blocks(guarded)
        np.testing.assert_array_equal((y + la.arange(6).map_blocks(guarded)).compute(), 2 * np.arange(6) + 2)


@pytest.mark.parametrize(
    ("func", "args", "kwargs", "said"),
    [
        (lambda b, lock: b, [threading.Lock()], {}, "its argument 1 cannot be pickled"),
        (lambda b, lock: b, [], {"lock": threading.Lock()}, "its argument lock= cannot be pickled"),
        (Guarded(), [], {}, "Guarded cannot be sent to workers elsewhere: it cannot be pickled"),
    ],
)
def test_what_cannot_be_pickled_is_refused_elsewhere_before_anything_is_sent(func, args, kwargs, said, tmp_path):
    y = la.arange(6, chunks=3).map_blocks(func, *args, dtype=int, **kwargs)
    with pytest.raises(UnpicklableError, match=said) as caught:
        launched(y, str(tmp_path))
    assert "use executor='threads'" in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert not list(tmp_path.iterdir())


def test_a_function_that_uses_too_much_to_be_sent_says_how_much(tmp_path, monkeypatch):
    monkeypatch.setattr(functions, "LARGEST_BYTES", 1 << 20)
    table = np.ones(1 << 20)
    y = la.arange(6, chunks=3).map_blocks(lambda b: table[b])
    np.testing.assert_array_equal(y.compute(), np.ones(6))
    with pytest.raises(UnpicklableError, match=r"with all that it uses it takes 0\.0 GiB, and arrays are to be arg"):
        launched(y, str(tmp_path))


def test_an_array_inside_a_function_is_refused_elsewhere_by_name(tmp_path):
    inner = la.ones(3)
    y = la.arange(6, chunks=3).map_blocks(lambda b: b + len(inner), dtype=int)
    np.testing.assert_array_equal(y.compute(), np.arange(6) + 3)
    with pytest.raises(UnpicklableError, match=r"its variable 'inner' cannot be pickled \(an Array is an expression"):
        launched(y, str(tmp_path))


# -- which function is called


def test_each_array_calls_its_own_function_though_their_pickles_are_equal():
    def remembering():
        seen = []

        def remember(b):
            seen.append(int(b.sum()))
            return b

        return remember, seen

    x = la.arange(6, chunks=6)
    (f, of_f), (g, of_g) = remembering(), remembering()
    y, z = (x.map_blocks(h, dtype=int) for h in (f, g))
    y.compute()
    assert (of_f, of_g) == ([15], [])
    z.compute()
    assert (of_f, of_g) == ([15], [15])
    del f, g
    y.compute()
    assert of_f == [15, 15]


def test_what_was_loaded_is_kept_within_a_limit(monkeypatch):
    loads = []
    monkeypatch.setattr(functions, "_load", lambda pickle, name: loads.append(pickle) or (len, (), {}))
    monkeypatch.setattr(functions, "LOADED_BYTES", 10)
    loaded = Loaded()
    for pickle in (b"aaaa", b"bbbb", b"aaaa", b"cccc", b"aaaa", b"bbbb", b"d" * 20, b"d" * 20):
        loaded.get(pickle, "f")
    assert loads == [b"aaaa", b"bbbb", b"cccc", b"bbbb", b"d" * 20]


def test_bytes_that_only_look_like_a_functions_are_loaded():
    made = function(len, (1,), token="t")
    assert find(made[:], "len") is made.call
    copied = np.frombuffer(bytes(bytearray(made[:].tobytes())), made.dtype)
    assert find(copied, "len") is not made.call
    assert find(copied, "len") == made.call


# -- keys


def test_a_sent_function_lies_where_its_pickle_says_whatever_its_token():
    first = function(len, (1,), token="mine")
    place = place_of("s1", first)
    del first
    assert place_of("s1", function(len, (2,), token="mine")) != place
    assert place_of("s0", np.ones(3)) == "s0"


def test_keys_of_functions_without_a_token_are_of_this_process_alone():
    made, other = function(len), Function((len, (), {}), None)
    assert made.key == other.key
    assert functions._process in made.key
    assert function(len, token="t").key == "token t"


JOB = """
import sys
import lambdarray as la

_, store, log, token, factor = sys.argv

def work(b):
    with open(log, "a") as file:
        file.write("x")
    return b * int(factor)

y = la.arange(100, chunks=25).map_blocks(work, dtype=int, token=token or None)
with la.config(store=store):
    print(int(y.persist().sum()))
"""


@pytest.mark.parametrize(("token", "calls"), [("mine", 4), ("", 8)])
def test_another_process_takes_up_what_a_token_names_and_nothing_else(token, calls, tmp_path):
    def run(factor):
        log = tmp_path / "log"
        command = [sys.executable, "-c", textwrap.dedent(JOB), str(tmp_path / "store"), str(log), token, factor]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
        return int(done.stdout), len(log.read_text())

    assert run("2") == (9900, 4)
    assert run("2") == (9900, calls)
