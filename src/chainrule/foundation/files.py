"""Files that are whole or not there: written beside their place, and renamed once complete."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from chainrule.foundation.errors import InputError

__all__ = ["check_place", "write_whole"]


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, and put it there once it is whole.

    Raises
    ------
    InputError
        If it cannot be written, or is a device or a pipe, which a file would replace; what was
        there before is unchanged.
    """
    target, temporary = Path(path), None
    _refuse_special(target)
    try:
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{target.name}.", delete=False
        ) as file:
            temporary = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())  # so that no power cut leaves the new name with old bytes
        # the temporary file is private; give the target the mode any new file would have
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def check_place(path: str | os.PathLike[str]) -> Path:
    """Return a path that a file can be written to; refuse another before any work is done.

    Raises
    ------
    InputError
        If it is a folder, a device or a pipe, lies in no folder, or its folder takes no files.
    """
    target = Path(path)
    if target.is_dir():
        raise _cannot_write(target, "it is a folder")
    _refuse_special(target)
    if not target.parent.is_dir():
        raise _cannot_write(target, f"there is no folder {target.parent}")
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error
    return target


def _refuse_special(target: Path) -> None:
    if target.exists() and not target.is_file() and not target.is_dir():
        raise _cannot_write(target, "it is no regular file")


def _cannot_write(target: Path, reason: str) -> InputError:
    return InputError(
        f"cannot write {target}: {reason}. Nothing was changed; choose another place."
    )
