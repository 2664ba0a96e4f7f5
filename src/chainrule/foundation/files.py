"""Write files whole or not at all: to a temporary file beside the target, then renamed."""

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from chainrule.foundation.errors import InputError

# On Windows there are none, and an open file cannot be removed.
LOCKS = os.name == "posix"
if LOCKS:
    import fcntl

__all__ = ["check_kind", "check_place", "write_whole"]

# The name of a file that is being written is short: the target's may be as long as a name can be.
TEMPORARY = re.compile(r"\.chainrule-[0-9a-f]{16}\.part")
# Letters of a path that a message shows.
LONGEST = 300


def write_whole(path: str | os.PathLike[str], write: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, and put it there once it is whole.

    Temporary files that killed writers have left in the folder are removed.

    Raises
    ------
    InputError
        If it cannot be written, or is a device or a pipe, which a file would replace; what was
        there before is unchanged.
    """
    # a link stays a link: what it points to is written
    target = Path(os.path.realpath(path))
    _refuse_special(Path(path))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        remove_abandoned(target.parent)
        with _temporary(target.parent) as (file, temporary):
            write(file)
            file.flush()
            os.fsync(file.fileno())  # so that no power cut leaves the new name with old bytes
            # the temporary file is private; give the target its own mode, or that of any new file
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask if mode is None else mode)
            if not LOCKS:
                file.close()
            os.replace(temporary, target)
    except OSError as error:
        raise _cannot_write(target, error.strerror or str(error)) from error


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
        with _temporary(Path(os.path.realpath(target)).parent):
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


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files whose writers have ended without removing them.

    A living writer holds a lock on its file, which ends with the process.
    """
    with suppress(OSError):  # a folder that cannot be listed can still be written to
        names = [entry.name for entry in os.scandir(folder) if TEMPORARY.fullmatch(entry.name)]
        for name in names:
            with suppress(OSError):
                _remove_abandoned(folder / name)


def _remove_abandoned(path: Path) -> None:
    if not LOCKS:
        path.unlink()
        return
    with open(path, "rb", opener=_opened_at_once) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(file, path):
            path.unlink()


def _opened_at_once(path: str, flags: int) -> int:
    # a pipe or a link of that name, which no writer of ours makes, must not be waited for
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)


@contextmanager
def _temporary(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Create a file that is removed in the end, unless it was renamed; hold a lock on it."""
    while True:
        path = folder / f".chainrule-{secrets.token_hex(8)}.part"
        file = open(path, "x+b", opener=_private)  # noqa: SIM115 (closed below)
        if _locked(file) and _is_at(file, path):
            break
        file.close()  # another writer has taken it for abandoned between these lines
    try:
        with file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(file: IO[bytes]) -> bool:
    """Lock a file; return False if another writer has done so."""
    if LOCKS:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # without locks nobody can take the file for abandoned either
            pass
    return True


def _is_at(file: IO[bytes], path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    return False


def _refuse_special(target: Path) -> None:
    if target.exists() and not os.access(target, os.W_OK):
        raise _cannot_write(target, "it is read-only")
    if target.exists() and not target.is_file() and not target.is_dir():
        raise _cannot_write(target, "it is no regular file")


def _cannot_write(target: Path, reason: str) -> InputError:
    text = str(target)
    shown = text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 2 :]}"
    return InputError(f"cannot write {shown}: {reason}. Nothing was changed; choose another place.")
