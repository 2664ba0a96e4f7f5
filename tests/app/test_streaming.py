"""`chainrule predict --stream`: a line in, a line out; a bad line costs only itself."""

import io
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from chainrule.app.tables import write_table

COMPILING = b"compiling the engine for this processor, once\n"
QUICK = ("--hidden", "8", "--epochs", "6", "--no-plot", "--quiet")


@pytest.fixture
def fitted(folder, once, flats):
    """Fit one column of the flats, and return the rows without targets."""

    def fit(target: str = "dear", *words: object) -> pl.DataFrame:
        rows = flats.drop("rent", "dear")
        table = rows.with_columns(flats[target])
        fit = ("fit", "flats.csv", "--target", target, *QUICK, *words)
        once("flats.csv", lambda name: write_table(table, Path(name)), *fit)
        return rows

    return fit


@pytest.fixture
def stream(chainrule, monkeypatch):
    """Run the command on a text, and return the lines of its answer."""

    def run(text, *words, code=0):
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        answer = chainrule("predict", "flats.chainrule", "-", "--stream", *words)
        assert answer.code == code, answer.err
        assert not answer.err or code
        return [json.loads(line) for line in answer.out.splitlines()] if code == 0 else answer.err

    return run


def by_the_table(chainrule, rows, *words):
    write_table(rows, Path("rows.csv"))
    answer = chainrule("predict", "flats.chainrule", "rows.csv", "--json", "--quiet", *words)
    assert answer.code == 0, answer.err
    return [json.loads(line) for line in answer.out.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("target", ["dear", "rent"])
def test_the_same_answers_as_for_a_table(chainrule, fitted, stream, target) -> None:
    rows = fitted(target, "--preset", "balanced")[:40]  # its folds cover all rows: intervals
    words = ("--keep", "built") + (("--proba",) if target == "dear" else ("--interval", "0.8"))
    expected = by_the_table(chainrule, rows, *words)
    assert stream(rows.write_csv(), *words) == expected
    assert stream(rows.write_csv(separator=";"), *words) == expected
    assert stream(rows.write_csv().replace("\n", "\r\n"), *words) == expected
    assert stream(rows.write_ndjson(), *words) == expected


@pytest.mark.slow
def test_a_row_reads_the_same_alone_and_among_odd_ones(fitted, stream) -> None:
    rows = [json.loads(line) for line in fitted()[:6].write_ndjson().splitlines()]
    odd = [
        dict(rows[0], area="31.5"),
        dict(rows[0], area=None),
        dict(rows[0], area=31),
        dict(rows[0], district=3),
        dict(rows[0], district=3.0),
        dict(rows[0], lift=1),
        dict(rows[0], lift="yes"),
        dict(rows[0], built=None, area=2**60),
        dict(rows[0], extra={"a": [1]}),
    ]
    together = stream("\n".join(map(json.dumps, [*rows, *odd])), "--proba")
    alone = [stream(json.dumps(row), "--proba")[0] for row in [*rows, *odd]]
    assert together == alone
    assert "error" not in {name for found in together for name in found}


@pytest.mark.grid(7)
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ('{"area": 3', "the line must be a JSON object; Expecting"),
        ("[1, 2]", "the line must be a JSON object; got '[1, 2]'"),
        ('{"area": 3.0}', "a row must have all columns of the model; missing: district, built"),
        ('{"area": "big", "district": "Nord", "built": null, "lift": true}', "must hold numbers"),
        ('{"area": 1, "district": "Nord", "built": "soon", "lift": true}', "must hold dates"),
        ('{"area": [1], "district": "Nord", "built": null, "lift": true}', "'area' must be a"),
        ('{"area": 1e999999999999999999999, "x"', "the line must be a JSON object"),
        ("[" * 100_000, "the line must be a JSON object; it is nested too deeply"),
        ('{"area": 1, "district": "\\ud800", "built": null, "lift": true}', "half of a pair"),
        (f'{{"area": {10**30}}}', "'area' must be a number of 64 bits"),
        (b"\xff\xfe{", "the line must be text in utf-8"),
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_line_costs_only_itself(fitted, stream, bad, words) -> None:
    lines = fitted()[:5].write_ndjson().encode().splitlines()
    good = stream(b"\n".join(lines))
    bad = bad if isinstance(bad, bytes) else bad.encode()
    found = stream(b"\n".join([*lines[:3], bad, b"", *lines[3:]]))
    assert found[:3] + found[4:] == good
    assert found[3]["line"] == 4
    assert words in found[3]["error"]


def test_kept_cells_go_out_as_they_came_in(fitted, stream) -> None:
    rows = [json.loads(line) for line in fitted()[:5].write_ndjson().splitlines()]
    keys = [7, 2.5, "seven", None]
    lines = [json.dumps(row | {"key": key}) for row, key in zip(rows, keys, strict=False)]
    lines.append(json.dumps(rows[4] | {"key": 1e999}))
    *found, refused = stream("\n".join(lines), "--keep", "key")
    kept = [one["key"] for one in found]
    assert kept == keys
    assert [type(one) for one in kept] == [type(one) for one in keys]
    assert "'key' must be a number that JSON can hold; got inf" in refused["error"]


def test_bad_lines_of_cells(fitted, stream) -> None:
    header, *lines = fitted()[:3].write_csv().splitlines()
    odd = [lines[0] + ",1", 'a,"b', lines[1].replace(",", ";"), ""]
    good = stream("\n".join([header, *lines]))
    found = stream("\n".join([header, *odd, *lines]))
    assert found[3:] == good
    assert [one["line"] for one in found[:3]] == [2, 3, 4]
    assert "a row must have 5 cells, as the header; got 6" in found[0]["error"]


def test_what_is_refused_before_any_line(fitted, stream) -> None:
    fitted()
    assert "the first line must be a JSON object, or name the columns" in stream("1,2\n", code=2)
    assert "--out must be left out with --stream" in stream("", "--out", "p.csv", code=2)
    assert "--rows must be left out with --stream" in stream("", "--rows", "area > 1", code=2)
    assert "--interval must be left out for classes" in stream("", "--interval", "0.8", code=2)
    assert stream("") == []


def test_surprises_are_bad_lines_if_strict(fitted, stream) -> None:
    row = json.loads(fitted()[:1].write_ndjson())
    lines = "\n".join(map(json.dumps, [row, row | {"district": "Ost"}, row]))
    assert [set(one) for one in stream(lines)] == [{"prediction"}] * 3
    found = stream(lines, "--strict")
    assert [set(one) for one in found] == [{"prediction"}, {"error", "line"}, {"prediction"}]
    assert "Ost" in found[1]["error"]


def started(*words, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule", "predict", "flats.chainrule", "-", "--stream", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **more,
    )


@pytest.mark.slow
def test_each_line_is_answered_before_the_next_is_there(fitted) -> None:
    lines = fitted()[:3].write_ndjson().encode().splitlines(keepends=True)
    with started() as process:
        for line in lines:
            process.stdin.write(line)
            process.stdin.flush()
            assert "prediction" in json.loads(process.stdout.readline())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)  # while it waits for a line
        assert process.wait(timeout=60) == 0
        assert process.stdout.read() + process.stderr.read() == b""


@pytest.mark.slow
def test_ctrl_c_ends_the_wait_for_a_table(fitted) -> None:
    line = fitted()[:1].write_ndjson().encode()
    words = [sys.executable, "-m", "chainrule", "predict", "flats.chainrule", "-"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(words, **pipes) as process:
        # More than a pipe holds: the write returns when the reader is at work.
        process.stdin.write(line * (1_000_000 // len(line)))
        process.stdin.flush()
        time.sleep(0.5)  # it has taken the rest, and waits for more
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stdout.read() == b""
        assert process.stderr.read() == b"error: interrupted\n"


@pytest.mark.slow
def test_a_closed_pipe_ends_quietly(fitted) -> None:
    lines = fitted().write_ndjson().encode()
    with started() as process, suppress(BrokenPipeError):
        process.stdin.write(lines)
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        with suppress(BrokenPipeError):
            for _ in range(200):
                process.stdin.write(lines)
                process.stdin.flush()
        assert process.wait() == 0
        assert process.stderr.read() in (b"", COMPILING)


@pytest.mark.slow
def test_memory_stays_the_same(fitted) -> None:
    """Compare the peaks of a short stream and of a long one with a line of 40 MB in the middle."""
    lines = fitted().write_ndjson().encode()
    program = (
        "import resource, sys; from chainrule.app.__main__ import main; code = main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )

    def peak(times):
        words = [sys.executable, "-c", program, "predict", "flats.chainrule", "-", "--stream"]
        with open("in.jsonl", "wb") as file:
            for turn in range(times):
                file.write(lines)
                if turn == times // 2:
                    file.write(b'{"area": "' + b"x" * 40_000_000 + b'"}\n')
        with open("in.jsonl", "rb") as source, open("out.jsonl", "wb") as into:
            done = subprocess.run(words, stdin=source, stdout=into, stderr=subprocess.PIPE)
        assert done.returncode == 0
        with open("out.jsonl", encoding="utf-8") as out:
            errors = [line for line in out if "error" in line]
        assert len(errors) == 1
        assert "at most 16,777,216 bytes" in errors[0]
        return int(done.stderr)

    assert peak(40) < 1.1 * peak(4)
