"""A lack of memory ends in a sentence: how much there is, and what to make smaller."""

import errno
import subprocess
import sys

import polars as pl
import pytest

from chainrule.app import __main__ as entry
from chainrule.app import limited_memory, tables
from chainrule.foundation import memory


class PanicException(BaseException):
    """As polars raises where Rust gives up."""


def duckdb_error() -> Exception:
    duckdb = pytest.importorskip("duckdb")
    return duckdb.OutOfMemoryException("Out of Memory Error: Failed to allocate block of 3 bytes")


RAISED = {
    "polars": lambda: pl.exceptions.ComputeError("memory allocation of 8192 bytes failed"),
    "a panic": lambda: PanicException("capacity overflow"),
    "duckdb": duckdb_error,
    "python": lambda: MemoryError(),
    "a library": lambda: ImportError("_duckdb.so: failed to map segment from shared object"),
}


@pytest.mark.grid(3)
@pytest.mark.parametrize("kind", RAISED)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_a_reader_that_gets_no_memory_says_so(
    kind: str, suffix: str, chainrule, folder, monkeypatch
) -> None:
    error = RAISED[kind]()

    def full(*given: object, **more: object) -> None:
        raise error

    tables.write_table(pl.DataFrame({"a": [1, 2], "y": [0, 1]}), folder / f"t{suffix}")
    for name in ("read_text", "_read"):
        monkeypatch.setattr(tables, name, full)
    answer = chainrule("fit", f"t{suffix}", "--target", "y")
    assert answer.code == 2
    assert answer.err.startswith("error: not enough memory: ")
    assert f"{memory.memory_words()}. Take fewer rows" in answer.err
    assert answer.err.count("\n") == 1


def test_other_panics_are_a_damaged_file(folder, monkeypatch, chainrule) -> None:
    def panic(*given: object) -> None:
        raise PanicException("index out of bounds")

    (folder / "t.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(tables, "_read", panic)
    answer = chainrule("fit", "t.parquet", "--target", "y")
    assert answer.code == 2
    assert "must be a Parquet file; it cannot be read: index out of bounds" in answer.err


def test_a_file_far_larger_than_memory_is_refused_unread(folder, chainrule, monkeypatch) -> None:
    with (folder / "t.csv").open("wb") as file:
        file.write(b"a,y\n1,2\n")
        file.truncate(10**7)
    monkeypatch.setattr(memory, "physical_bytes", lambda: 10**6)
    answer = chainrule("fit", "t.csv", "--target", "y")
    assert answer.code == 2
    assert "not enough memory: t.csv of 0.0 GB needs 0.0 GB or more" in answer.err
    assert answer.err.endswith("Save fewer rows or columns of it.\n")


@pytest.mark.parametrize(
    ("program", "code"),
    [("os.abort()", None), ("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", None)],
)
def test_a_watched_command_gives_its_code_or_tells_of_its_end(program, code, monkeypatch) -> None:
    monkeypatch.setattr(limited_memory, "PROGRAM", f"import os, sys, signal; {program}")
    assert limited_memory.run_watched(["fit"]) == code


@pytest.mark.parametrize(
    ("program", "shown"),
    [
        ("os.write(2, b'memory allocation of 8 bytes failed'); os.abort()", "own\n"),
        ("os.write(2, b'panicked: capacity overflow'); sys.exit(2)", "own\n"),
        ("os.write(2, b'a warning'); sys.exit(0)", "own\na warning"),
    ],
)
def test_what_a_library_says_as_it_dies_is_not_shown(program, shown, monkeypatch, capfd) -> None:
    begin = limited_memory.PROGRAM.partition("from chainrule")[0]
    program = f"{begin}print('own', file=sys.stderr); {program}"
    monkeypatch.setattr(limited_memory, "PROGRAM", program)
    limited_memory.run_watched(["fit"])
    assert capfd.readouterr().err == shown


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory", "table.csv"),
        RuntimeError("can't start new thread"),
        PanicException("memory allocation of 8 bytes failed"),
    ],
)
def test_errors_that_mean_memory_never_speak_of_the_disk(error, monkeypatch, capsys) -> None:
    def run(arguments: object) -> int:
        raise error

    monkeypatch.setattr(entry, "_run", run)
    assert entry.main(["fit"]) == 2
    assert capsys.readouterr().err.startswith("error: not enough memory: ")


def test_a_limit_below_what_libraries_take_is_refused_at_once(monkeypatch, capsys) -> None:
    for module in (entry, limited_memory):
        monkeypatch.setattr(module, "address_limit", lambda: 6 * 10**8)
    assert entry.main() == 2
    error = capsys.readouterr().err
    assert "take about 0.8 GB of address space, and this process may have 0.6 GB. Raise" in error


def test_a_library_that_gets_no_memory_when_it_is_loaded(monkeypatch, capsys) -> None:
    def load(arguments: object) -> int:
        raise ImportError("_lbfgsb.so: failed to map segment from shared object")

    monkeypatch.setattr(entry, "_run", load)
    assert entry.main(["fit"]) == 2
    assert capsys.readouterr().err.startswith("error: not enough memory: ")


def test_under_a_limit_the_command_is_watched(monkeypatch, capsys) -> None:
    monkeypatch.setattr(entry, "address_limit", lambda: 10**9)
    monkeypatch.setattr(memory, "address_limit", lambda: 10**9)
    monkeypatch.setattr(entry, "run_watched", lambda arguments: None)
    assert entry.main() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: not enough memory: this process may have 1.0 GB, and needs")
    monkeypatch.setattr(entry, "run_watched", lambda arguments: 7)
    assert entry.main() == 7


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of Linux is set")
def test_a_limit_of_the_shell_is_obeyed() -> None:
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 10**9, 3 * 10**9))\n"
        "from chainrule.foundation.memory import check_table, limit_bytes\n"
        "assert limit_bytes() == 3 * 10**9\n"
        "try:\n    check_table(10**6, 10**3, 4)\n"
        "except MemoryError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "need 4.0 GB, and this process may have 3.0 GB. Take fewer rows" in done.stdout
