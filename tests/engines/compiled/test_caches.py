"""The size of the second-level cache: from the environment, else from the system's files."""

import pytest

from chainrule.engines.compiled import caches


@pytest.mark.parametrize("asked", ["", "0", "-5", "many", "1.5"])
def test_what_is_no_positive_whole_number_counts_as_unset(monkeypatch, asked):
    monkeypatch.setattr(caches, "_of_system", lambda: 7)
    monkeypatch.setenv("CHAINRULE_L2_KB", asked)
    assert caches.second_level_bytes() == 7
    monkeypatch.delenv("CHAINRULE_L2_KB")
    assert caches.second_level_bytes() == 7


def test_the_environment_goes_before_the_system(monkeypatch):
    monkeypatch.setattr(caches, "_of_system", lambda: 7)
    monkeypatch.setenv("CHAINRULE_L2_KB", "1280")
    assert caches.second_level_bytes() == 1280 * 1024


@pytest.mark.parametrize(
    ("size", "bytes_"), [("1024K", 1 << 20), ("2M", 2 << 20), ("524288", 1 << 19)]
)
def test_files_of_linux(tmp_path, size, bytes_):
    for index, (level, text) in enumerate([("1", "48K"), ("1", "32K"), ("2", size), ("3", "32M")]):
        folder = tmp_path / f"cpu3/cache/index{index}"
        folder.mkdir(parents=True)
        (folder / "level").write_text(f"{level}\n")
        (folder / "size").write_text(f"{text}\n")
    assert caches._of_linux(tmp_path, 3) == bytes_
    assert caches._of_linux(tmp_path, 4) == 0


def test_what_cannot_be_read_is_no_cache(monkeypatch):
    def unreadable(folder, core):
        raise PermissionError

    caches._of_system.cache_clear()
    monkeypatch.setattr(caches, "_of_linux", unreadable)
    monkeypatch.setattr(caches.sys, "platform", "linux")
    assert caches._of_system() == 0
    caches._of_system.cache_clear()
