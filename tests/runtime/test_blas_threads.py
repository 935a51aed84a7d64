from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from lambdarray.runtime.blas_threads import BlasThreads, blas_threads, loaded_libraries


class FakeLibrary:
    def __init__(self, filepath: str, threads: int) -> None:
        self.filepath, self.threads, self.calls = filepath, threads, 0

    def get_num_threads(self) -> int:
        return self.threads

    def set_num_threads(self, num_threads: int, /) -> None:
        self.threads = num_threads
        self.calls += 1


class Process:
    def __init__(self) -> None:
        self.libraries = [FakeLibrary("numpy", 8), FakeLibrary("scipy", 4)]
        self.looks = 0

    def find(self) -> list[FakeLibrary]:
        self.looks += 1
        return list(self.libraries)

    @property
    def threads(self) -> list[int]:
        return [library.threads for library in self.libraries]


def test_every_library_is_set_and_gets_its_own_value_back():
    process = Process()
    threads = BlasThreads(process.find)
    with threads(1):
        assert process.threads == [1, 1]
    assert process.threads == [8, 4]


def test_the_values_come_back_after_an_exception():
    process = Process()
    with pytest.raises(KeyError), BlasThreads(process.find)(1):
        raise KeyError
    assert process.threads == [8, 4]


def test_overlapping_runs_restore_when_the_last_one_ends():
    process = Process()
    threads = BlasThreads(process.find)
    first, second = threads(1), threads(1)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert process.threads == [1, 1]
    second.__exit__(None, None, None)
    assert process.threads == [8, 4]


def test_a_nested_run_decides_and_the_outer_one_gets_its_own_back():
    process = Process()
    threads = BlasThreads(process.find)
    with threads(1):
        with threads(2):
            assert process.threads == [2, 2]
        assert process.threads == [1, 1]
    assert process.threads == [8, 4]


def test_an_equal_nested_request_sets_nothing_and_looks_for_nothing():
    process = Process()
    threads = BlasThreads(process.find)
    with threads(1):
        calls = [library.calls for library in process.libraries]
        with threads(1):
            threads.refresh()
        assert [library.calls for library in process.libraries] == calls
    with threads(1):
        pass
    assert process.looks == 1


def test_a_library_loaded_during_a_run_is_set_by_refresh_and_restored(monkeypatch):
    process = Process()
    threads = BlasThreads(process.find)
    with threads(1):
        process.libraries.append(FakeLibrary("late", 6))
        monkeypatch.setitem(sys.modules, "mkl", sys)
        threads.refresh()
        assert process.threads == [1, 1, 1]
    assert process.threads == [8, 4, 6]


def test_a_library_loaded_between_runs_is_found_by_the_next(monkeypatch):
    process = Process()
    threads = BlasThreads(process.find)
    with threads(1):
        pass
    process.libraries.append(FakeLibrary("late", 6))
    monkeypatch.setitem(sys.modules, "mkl", sys)
    with threads(2):
        assert process.threads == [2, 2, 2]
    assert process.threads == [8, 4, 6]


def test_many_threads_with_runs_leave_the_values_as_they_were():
    process = Process()
    threads = BlasThreads(process.find)
    start = threading.Barrier(8)

    def runs(count: int) -> None:
        start.wait()
        for _ in range(50):
            with threads(count):
                assert min(process.threads) >= 1

    users = [threading.Thread(target=runs, args=(1 + i % 3,)) for i in range(8)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert process.threads == [8, 4]


def test_the_process_own_blas_has_the_threads_that_a_run_asks_for():
    before = [library.get_num_threads() for library in loaded_libraries()]
    with blas_threads(1):
        assert {library.get_num_threads() for library in loaded_libraries()} <= {1}
    assert [library.get_num_threads() for library in loaded_libraries()] == before


def test_fewer_than_one_thread_is_an_error():
    with pytest.raises(ValueError, match="at least 1"), blas_threads(0):
        pass


FIRST_TASK = """
import lambdarray as la
import lambdarray_kernels.fortran as fortran
from lambdarray.runtime.blas_threads import loaded_libraries

entry, seen = fortran._entry, []

def watched(module, name):
    found = entry(module, name)
    seen.append([library.get_num_threads() for library in loaded_libraries()])
    return found

fortran._entry = watched
with la.config(workers=2):
    la.compute(*la.linalg.qr(la.ones((200_000, 64), chunks=(10_000, 64)), tile=10_000))
assert seen and {count for counts in seen for count in counts} == {1}, seen
"""


def test_scipys_blas_has_one_thread_from_the_first_task_that_calls_it_on():
    subprocess.run([sys.executable, "-c", FIRST_TASK], check=True)


OF_SCIPY = """
import lambdarray as la
import lambdarray_kernels.registry as registry
from dataclasses import replace
from lambdarray.runtime.blas_threads import loaded_libraries

lu, seen = registry.get("lu"), []

def watched(*args, **params):
    seen.append([library.get_num_threads() for library in loaded_libraries()])
    return lu.fn(*args, **params)

registry._found["lu"] = replace(lu, fn=watched)
factors = la.linalg.lu(la.ones((4, 300, 300), chunks=(2, 300, 300)))
seen.clear()  # a sample told the dtypes
with la.config(workers=2):
    la.compute(*factors)
assert seen and {count for counts in seen for count in counts} == {1}, seen
"""


def test_a_function_of_scipy_has_one_thread_of_its_blas_from_the_first_task_on():
    subprocess.run([sys.executable, "-c", OF_SCIPY], check=True)
