"""A function keeps what it has read for its next tasks, in this invocation and in later ones, within its memory."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdarray.runtime import environment, handler
from lambdarray.runtime.executors.payload import Encoder
from lambdarray.runtime.prepared import Prepared
from lambdarray.store import open_array, open_store
from lambdarray.store.memory import MemoryStore
from lambdarray.store.testing import CountingStore
from lambdarray.task import TaskReport

from .fake_lambda import Context
from .programs import attempts, get, product, put

SIDE, CHUNK = 64, 16
NBYTES = 8 * SIDE * SIDE
TILES = (SIDE // CHUNK) ** 2


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store that counts what the function asks of it, as far away as S3."""
    made = CountingStore(open_store(str(tmp_path)))
    made.remote = True
    monkeypatch.setattr(handler, "open_store", lambda url: made)
    monkeypatch.setattr(handler, "_runs", {})
    monkeypatch.setattr(handler, "_data_bytes", None)
    monkeypatch.delenv("LAMBDARRAY_VERSION", raising=False)
    return made


@pytest.fixture
def data_bytes(monkeypatch):
    """Sets what data may take in the function."""
    return lambda nbytes: monkeypatch.setattr(environment, "data_bytes", lambda: nbytes)


@pytest.fixture
def arrays(store):
    p, rng = product(SIDE, SIDE, SIDE, CHUNK), np.random.default_rng(0)
    x, z = rng.random((SIDE, SIDE)), rng.random((SIDE, SIDE))
    put(store.store, p.arrays["x"], x)
    put(store.store, p.arrays["z"], z)
    return p, x, z


def invoke(store, work, run="r"):
    """The reports of one invocation."""
    ((_, body),) = Encoder(handler.version(), store.url, run).encode(work)
    answer = json.loads(json.dumps(handler.handler(json.loads(body), Context())))
    reports = [TaskReport.from_json(r) for r in answer["reports"]]
    assert [r.error + r.traceback for r in reports if r.status != "done"] == []
    return reports


def invocations(store, p, size, run="r"):
    work = attempts(p)
    return [r for i in range(0, len(work), size) for r in invoke(store, work[i : i + size], run)]


@pytest.mark.parametrize("size", [1, 3, TILES])
def test_what_later_invocations_of_a_run_read_again_is_fetched_once(store, arrays, data_bytes, size):
    p, x, z = arrays
    data_bytes(1 << 30)
    reports = invocations(store, p, size)
    np.testing.assert_allclose(get(store.store, p.arrays["y"]), x @ z)
    assert store.counts.gets == 2 * TILES
    assert len(set(store.got_keys)) == 2 * TILES
    assert sum(r.bytes_read for r in reports) == 2 * NBYTES  # what was fetched, and not what was used


def test_with_no_memory_to_spare_everything_is_read_again(store, arrays, data_bytes):
    p, x, z = arrays
    data_bytes(0)
    reports = invocations(store, p, 4)
    np.testing.assert_allclose(get(store.store, p.arrays["y"]), x @ z)
    assert store.counts.gets == 2 * TILES * SIDE // CHUNK
    assert sum(r.bytes_read for r in reports) == 2 * NBYTES * SIDE // CHUNK


def test_room_for_six_of_the_tiles_saves_more_than_a_third_of_the_requests(store, arrays, data_bytes):
    p, _, _ = arrays
    tile = 8 * CHUNK**2
    data_bytes(3 * tile + 2 * 6 * tile)
    work = attempts(p)
    for i in range(0, TILES, 4):
        invoke(store, work[i : i + 4])
        if i + 4 < TILES:
            assert 4 * tile <= handler._runs[store.url, "r"].cache.nbytes <= 6 * tile
    assert store.counts.gets == pytest.approx(72, abs=4)  # of 128; reads of two threads may change places


@settings(max_examples=25, deadline=None)
@given(tiles=st.integers(0, 40), size=st.integers(1, TILES))
def test_the_more_fits_the_less_is_read_and_no_more_is_kept_than_may_be(tmp_path_factory, tiles, size):
    tile = 8 * CHUNK**2
    p, x = product(SIDE, SIDE, SIDE, CHUNK), np.random.default_rng(0).random((SIDE, SIDE))
    with pytest.MonkeyPatch.context() as patch, open_store(str(tmp_path_factory.mktemp("store"))) as inner:
        made = CountingStore(inner)
        made.remote = True
        for name in "xz":
            put(inner, p.arrays[name], x)
        patch.setattr(handler, "open_store", lambda url: made)
        patch.setattr(handler, "_runs", {})
        patch.setattr(handler, "_data_bytes", None)
        need = 3 * tile  # two that are read, and the result
        patch.setattr(environment, "data_bytes", lambda: need + 2 * tiles * tile)
        work, most = attempts(p), 0
        for i in range(0, len(work), size):
            invoke(made, work[i : i + size])
            most = max(most, handler._runs[made.url, "r"].cache.nbytes)
        np.testing.assert_allclose(get(inner, p.arrays["y"]), x @ x)
    assert most <= tiles * tile
    if tiles:
        assert made.counts.gets < 2 * TILES * SIDE // CHUNK


def test_another_run_reads_for_itself_and_has_the_memory(store, arrays, data_bytes):
    p, _, _ = arrays
    data_bytes(1 << 30)
    invoke(store, attempts(p)[: TILES // 2], "first")
    assert handler._runs[store.url, "first"].cache.nbytes == NBYTES  # the second factor, which the other tasks read too
    for index in p.arrays["y"].tiling.indices():
        store.store.delete(f"00/p/y/{index[0]}.{index[1]}")
    put_anew(store, p)
    invocations(store, p, TILES, "second")
    assert handler._runs[store.url, "first"].cache.nbytes == 0
    assert store.counts.gets == (1 + 1 / 2 + 2) * TILES
    ones = np.ones((SIDE, SIDE))
    np.testing.assert_array_equal(get(store.store, p.arrays["y"]), ones @ ones)


def put_anew(store, p):
    """What a run that starts over may find under the same keys."""
    for name in "xz":
        for index in p.arrays[name].tiling.indices():
            store.store.delete(f"00/p/{name}/{index[0]}.{index[1]}")
        put(store.store, p.arrays[name], np.ones((SIDE, SIDE)))


def test_what_data_may_take_is_asked_of_a_new_environment_only(store, arrays, monkeypatch):
    p, _, _ = arrays
    free = [1 << 30]
    monkeypatch.setattr(environment, "data_bytes", lambda: free[0])
    invocations(store, p, TILES, "first")
    free[0] = 0  # memory that a run lets go of stays the process's own
    invocations(store, p, TILES, "second")
    assert handler._runs[store.url, "second"].worker.memory_bytes == 1 << 30


@given(count=st.integers(1, 9), rows=st.integers(1, 4), columns=st.integers(2, 7))
@settings(max_examples=50, deadline=None)
def test_a_task_reads_first_what_the_one_before_it_read_last(count, rows, columns):
    p = product(rows, count, columns, 1)
    with MemoryStore() as store:
        prepared = Prepared(p, lambda spec: open_array(spec, store))
    before = None
    for number in range(p.task_count):
        turns = [blocks[2] for blocks in prepared.turns(p.task(number))]
        assert sorted(turns) == [(k, k + 1) for k in range(count)]
        if before is not None:
            kept = (count + 1) // 2
            assert len({*before[-kept:]} & {*turns[:kept]}) >= kept - 1
        before = turns


PEAK = """
import json, sys
from lambdarray.runtime import environment, handler
from lambdarray.runtime.executors.payload import Encoder
from lambdarray.store import open_array, open_store
from lambdarray.store.directory import DirectoryStore
from tests.runtime.fake_lambda import Context
from tests.runtime.programs import attempts, product, put

def high_water():  # what getrusage says may be the parent's
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10

DirectoryStore.remote = True
folder, side, chunk = sys.argv[1], 2048, 256
p = product(side, side, side, chunk)
store = open_store(folder)
before, kept = high_water(), 0
work = attempts(p)
for i in range(0, len(work), 8):
    ((_, body),) = Encoder(handler.version(), store.url, "r").encode(work[i : i + 8])
    answer = handler.handler(json.loads(body), Context())
    assert all(r["status"] == "done" for r in answer["reports"] if "status" in r), answer
    here = handler._runs[store.url, "r"]
    kept = max(kept, here.cache.nbytes)
peak = high_water()
print(json.dumps([before, peak, here.worker.memory_bytes, kept]))
"""


def peak_with(tmp_path, memory_mib):
    """MiB of a function's process, what data may take in it, and the most that its cache had."""
    import os

    p = product(2048, 2048, 2048, 256)
    with open_store(str(tmp_path)) as inner:
        for name in "xz":
            put(inner, p.arrays[name], np.ones((2048, 2048)))
    environ = {**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "OPENBLAS_NUM_THREADS": "1"}
    environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] = str(memory_mib)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path)], env=environ, capture_output=True, text=True, check=True
    )
    return [nbytes / 2**20 for nbytes in json.loads(done.stdout)]


def test_the_functions_memory_holds_with_all_that_is_kept(tmp_path):
    before, peak, data, kept = peak_with(tmp_path, 150)
    assert peak <= 150
    assert peak - before <= data < 64  # which all of both matrices would be
    need = 3 * 0.5  # two tiles that are read, and the result
    assert 10 < kept <= (data - need) / 2
