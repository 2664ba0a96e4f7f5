"""CHAINRULE_DUMP: what a process compiles, from graph to assembly, as files to read."""

import subprocess
import sys

import pytest

from chainrule.engines.compiled import machine_code
from chainrule.engines.compiled.dumps import Dump
from chainrule.engines.compiled.target import host_target
from chainrule.foundation.errors import InputError

FILES = {"key.txt", "graph.txt", "module.ll", "optimised.ll", "assembly.s"}
WORK = """
from chainrule import activations
from chainrule.engines.compiled.passes import activation_passes
from chainrule.engines.compiled.target import host_target
activation_passes(activations.get("relu"), host_target(), 4)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that compiles an activation in a new process, with a dump."""
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CHAINRULE_DUMP", str(tmp_path / "dump"))

    def run():
        found = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True)
        return found, tmp_path / "dump"

    return run


@pytest.mark.slow
def test_a_dump_holds_every_stage_of_each_module(run):
    found, folder = run()
    assert not found.returncode, found.stderr
    lines = (folder / "index.txt").read_text().splitlines()
    modules = {path.name for path in folder.iterdir() if path.is_dir()}
    assert sorted(lines) == sorted(f"miss     {name}" for name in modules)
    titles = {name.rpartition("-")[0] for name in modules}
    assert titles == {"activation-relu-float32", "pullback-relu-float32"}
    for name in modules:
        texts = {path.name: path.read_text() for path in (folder / name).iterdir()}
        assert set(texts) == FILES
        assert texts["graph.txt"].splitlines()[-1].startswith("give [")
        for part in ("module.ll", "optimised.ll"):
            assert "@run(" in texts[part].replace('"', "")
        assert "\nrun:" in texts["assembly.s"]
        assert texts["module.ll"] != texts["optimised.ll"]
        lines = texts["key.txt"].splitlines()
        assert lines[0] == "miss: compiled now"
        parts = dict(line.split(": ", 1) for line in lines[1:])
        assert parts.keys() > {"target", "LLVM", "sources", "kind"}
        cached = folder.parent / "cache" / f"{parts['name']}.object"
        assert cached.is_file()
        assert name.endswith(parts["name"][:8])


@pytest.mark.slow
def test_a_second_process_reads_the_cache_and_says_so(run):
    run()
    found, folder = run()
    assert not found.returncode, found.stderr
    outcomes = [line.split()[0] for line in (folder / "index.txt").read_text().splitlines()]
    assert outcomes == ["miss", "miss", "hit", "hit"]
    for path in folder.glob("*/key.txt"):
        first = path.read_text().splitlines()[0]
        assert first == "hit: object code from the cache; compiling again gives the same bytes"


def test_a_folder_that_cannot_be_written_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CHAINRULE_DUMP", str(tmp_path / "file"))
    source = machine_code.ModuleSource(
        host_target(), "f", "of a refused dump", lambda: "define i64 @f() {\n ret i64 8\n}\n"
    )
    with pytest.raises(InputError, match="CHAINRULE_DUMP must be a folder that can be written"):
        machine_code.load(source)


def test_without_the_variable_nothing_is_dumped(monkeypatch):
    for value in (None, ""):
        monkeypatch.delenv("CHAINRULE_DUMP", raising=False)
        if value is not None:
            monkeypatch.setenv("CHAINRULE_DUMP", value)
        assert Dump.wanted("title", "name") is None


def test_titles_become_names_of_files(tmp_path):
    assert Dump(tmp_path, "loss my loss/2", "0123456789").folder.name == "loss-my-loss-2-01234567"
    assert Dump(tmp_path, "../ ", "0123456789").folder == tmp_path / "module-01234567"
