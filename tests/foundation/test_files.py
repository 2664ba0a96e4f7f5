"""Files are whole or not there, and nothing but a file is ever replaced by one."""

import os
from pathlib import Path

import pytest

from chainrule.foundation.errors import InputError
from chainrule.foundation.files import check_place, write_whole


def write(file) -> None:
    file.write(b"whole")


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    place = check_place(tmp_path / "a")
    write_whole(place, write)
    assert place.read_bytes() == b"whole"
    write_whole(check_place(place), lambda file: file.write(b"new"))
    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "a"
    write_whole(place, write)

    def fail(file) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"No space left on device\. Nothing was changed"):
        write_whole(place, fail)
    assert place.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [place]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="special files of POSIX")
@pytest.mark.parametrize("act", [check_place, lambda path: write_whole(path, write)])
def test_a_device_or_a_pipe_is_refused_and_stays(tmp_path: Path, act) -> None:
    """Renamed over, a device would be a file for everyone on the machine."""
    place = tmp_path / "pipe"
    os.mkfifo(place)
    link = tmp_path / "link"
    link.symlink_to(place)
    for path in (place, link):
        with pytest.raises(InputError, match=f"cannot write {path}: it is no regular file"):
            act(path)
        assert path.is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe"]


@pytest.mark.parametrize("name", [".", "no/a"])
def test_a_folder_or_a_path_without_one_is_refused(tmp_path: Path, name) -> None:
    with pytest.raises(InputError, match=r"cannot write .*: (it is a folder|there is no folder)"):
        check_place(tmp_path / name)
