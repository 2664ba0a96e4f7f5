"""Write files whole or not at all: to a temporary file beside the target, then renamed."""

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from chainrule.foundation.errors import InputError

__all__ = ["check_kind", "check_place", "write_whole"]

# The name of a file that is being written is short: the target's may be as long as a name can be.
TEMPORARY = ".chainrule-"
# Letters of a path that a message shows.
LONGEST = 300


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, and put it there once it is whole.

    Raises
    ------
    InputError
        If it cannot be written, or is a device or a pipe, which a file would replace; what was
        there before is unchanged.
    """
    # a link stays a link: what it points to is written
    target, temporary = Path(os.path.realpath(path)), None
    _refuse_special(Path(path))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=TEMPORARY, delete=False) as file:
            temporary = file.name
            write(file)
            file.flush()
            os.fsync(file.fileno())  # so that no power cut leaves the new name with old bytes
        # the temporary file is private; give the target its own mode, or that of any new file
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask if mode is None else mode)
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
    check_kind(target)
    if not target.parent.is_dir():
        raise _cannot_write(target, f"there is no folder {target.parent}")
    try:
        with tempfile.NamedTemporaryFile(
            dir=os.path.dirname(os.path.realpath(target)), prefix=TEMPORARY
        ):
            pass
        if not target.exists() and not target.is_symlink():
            with target.open("xb"):
                pass
            target.unlink()
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error
    return target


def check_kind(target: Path) -> None:
    """Refuse a name that no file of this system can have, a folder, a device and a pipe."""
    try:
        target.stat()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass
    except (OSError, ValueError) as error:  # too long, or with a letter that names cannot have
        raise _cannot_write(target, getattr(error, "strerror", None) or str(error)) from error
    if not target.name:
        raise _cannot_write(target, "it has no name")
    if target.is_dir():
        raise _cannot_write(target, "it is a folder")
    _refuse_special(target)


def _refuse_special(target: Path) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise _cannot_write(target, "it is read-only")
    if target.exists() and not target.is_file() and not target.is_dir():
        raise _cannot_write(target, "it is no regular file")


def _cannot_write(target: Path, reason: str) -> InputError:
    text = str(target)
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"
    return InputError(f"cannot write {shown}: {reason}. Nothing was changed; choose another place.")
