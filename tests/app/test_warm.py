"""`chainrule warm`: code made ahead in a cache that may move, be read-only or be root's."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule import MLPClassifier, save_model
from chainrule.engines.compiled import code_cache
from chainrule.foundation import cache_folder

PREDICTS = """
import sys
from chainrule.engines.compiled import machine_code
def refused(*given):
    raise AssertionError("compiled")
machine_code._compile = refused
import numpy as np
import chainrule
model = chainrule.load(sys.argv[1])
X = np.ones((3, 4), np.float32)
print(model.predict(X[:1]).tolist(), model.predict_proba(np.ones((200, 4))).shape)
print(model.predictor("predict_proba")(X[0]).shape)
"""


def process(folder, *words, home):
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = inherited | {"CHAINRULE_CACHE_DIR": str(folder), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_fresh_container(tmp_path):
    """An empty home, another place of the cache, and no right to write there."""
    X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    model = MLPClassifier((8,), solver="lbfgs", max_iter=5, random_state=0, engine="reference")
    with pytest.warns(UserWarning, match="max_iter"):
        save_model(tmp_path / "it.chainrule", model.fit(X, np.arange(60) % 3))
    home, built = tmp_path / "home", tmp_path / "built"
    home.mkdir()
    built.mkdir(mode=0o700)
    model.engine = "auto"
    save_model(tmp_path / "it.chainrule", model)
    made = process(built, "-m", "chainrule", "warm", str(tmp_path / "it.chainrule"), home=home)
    assert made.returncode == 0, made.stderr
    assert "of machine code, " in made.stdout
    moved = tmp_path / "moved"
    shutil.move(built, moved)
    for file in moved.iterdir():
        file.chmod(0o444)
    moved.chmod(0o555)
    before = {file.name: file.stat().st_mtime_ns for file in moved.iterdir()}
    answer = process(moved, "-c", PREDICTS, str(tmp_path / "it.chainrule"), home=home)
    moved.chmod(0o755)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert {file.name: file.stat().st_mtime_ns for file in moved.iterdir()} == before
    assert list(home.iterdir()) == []
    # without the cache it compiles, so the first answer says something
    empty = process(tmp_path / "none", "-c", PREDICTS, str(tmp_path / "it.chainrule"), home=home)
    assert "AssertionError: compiled" in empty.stderr


@pytest.mark.parametrize(
    ("owner", "mode", "trusted"),
    [
        (7, 0o700, True),
        (7, 0o755, True),
        (7, 0o777, False),
        (7, 0o775, False),
        (0, 0o555, True),  # of an image that root has built
        (0, 0o757, False),
        (8, 0o700, False),
    ],
)
def test_who_may_have_written_the_cache(owner, mode, trusted, monkeypatch):
    monkeypatch.setattr(cache_folder.os, "getuid", lambda: 7, raising=False)
    assert cache_folder.is_trusted(SimpleNamespace(st_uid=owner, st_mode=0o40000 | mode)) is trusted


def test_what_is_refused(chainrule, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    answer = chainrule("warm")
    assert answer.code == 2
    assert "the cache of machine code must be a folder of yours" in answer.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")
def test_what_root_has_made_another_user_can_read(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE_DIR", str(tmp_path / "opt" / "cache"))
    before = os.umask(0o022)
    try:
        code_cache.write("name", b"image")
    finally:
        os.umask(before)
    folder = cache_folder.cache_folder()
    assert folder.stat().st_mode & 0o777 == 0o755
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o644]
    assert code_cache.read("name") == b"image"
