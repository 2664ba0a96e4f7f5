"""Temporary files of killed writers are removed by the next one; those of living ones stay."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from chainrule.foundation import files
from chainrule.foundation.files import check_place, write_whole

HALF = """
import sys, time
from chainrule.foundation.files import write_whole
def write(file):
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    time.sleep(600)
write_whole(sys.argv[1], write)
"""
NAME = ".chainrule-0123456789abcdef.part"


def whole(file) -> None:
    file.write(b"whole")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_writer_is_cleaned_up_after_and_a_living_one_is_not(tmp_path: Path) -> None:
    place = tmp_path / "a"
    write_whole(place, whole)
    command = [sys.executable, "-c", HALF, str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        write_whole(tmp_path / "b", whole)
        assert len(names(tmp_path)) == 3  # the file of the living writer stays
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert place.read_bytes() == b"whole"
    write_whole(tmp_path / "b", whole)
    assert names(tmp_path) == ["a", "b"]


def test_only_our_own_names_are_removed(tmp_path: Path) -> None:
    others = [".chainrule-settings", ".chainrule-notes.part", f"{NAME}.txt", f"x{NAME}"]
    for name in [NAME, *others]:
        (tmp_path / name).write_text("")
    write_whole(tmp_path / "a", whole)
    assert names(tmp_path) == sorted(["a", *others])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="special files of POSIX")
def test_what_no_writer_makes_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / NAME).symlink_to(tmp_path / "mine")
    (tmp_path / NAME.replace("0", "f")).mkdir()
    write_whole(tmp_path / "a", whole)
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / NAME).is_symlink()


def test_a_file_taken_for_abandoned_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch
) -> None:
    real, taken = files._locked, []

    def late(file) -> bool:
        if not taken:
            taken.append(file.name)
            files.remove_abandoned(tmp_path)  # another writer, between creation and lock
        return real(file)

    monkeypatch.setattr(files, "_locked", late)
    write_whole(tmp_path / "a", whole)
    assert taken
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_writers_side_by_side_do_not_remove_each_others_files(tmp_path: Path) -> None:
    failures = []

    def write_often(number: int) -> None:
        try:
            for _ in range(50):
                write_whole(tmp_path / str(number), whole)
                check_place(tmp_path / f"{number} later")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write_often, args=(one,)) for one in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert names(tmp_path) == ["0", "1", "2", "3"]
