"""The cache of machine code: files of object code, shared by successive processes.

A file is a digest of its name and content, and an object file. Only a folder that belongs to this
user or to root, and that nobody else can write to, is read. Names do not depend on the place of the
folder, which may be moved, and need not be writable.
"""

import hashlib
import logging
import os
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

__all__ = ["asked_folder", "cache_folder", "is_trusted", "read", "write"]

ROOT = 0


def asked_folder() -> Path:
    """Return the folder that the environment names, or the usual one of the system."""
    asked = os.environ.get("CHAINRULE_CACHE_DIR")
    if asked:
        return Path(asked)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or tempfile.gettempdir()) / "chainrule"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "chainrule"
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "chainrule"


def cache_folder() -> Path | None:
    """Return the folder of the cache, created if possible; None where there is no safe one."""
    try:
        folder = asked_folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    return folder if is_trusted(status) else None


def is_trusted(status: os.stat_result) -> bool:
    """Return whether only this user, or root, can have written to a folder."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (ROOT, os.getuid()) and not status.st_mode & 0o022


def _digest(name: str, image: bytes) -> bytes:
    # the name too, or code of another formula could stand in for this one
    return hashlib.sha256(name.encode() + b"\n" + image).digest()


def read(name: str) -> bytes | None:
    """Return the object code of a name, or None where it is absent or damaged."""
    folder = cache_folder()
    if folder is None:
        return None
    try:
        content = (folder / f"{name}.object").read_bytes()
    except OSError:
        return None
    digest, image = content[:32], content[32:]
    return image if image and _digest(name, image) == digest else None


def write(name: str, image: bytes) -> None:
    """Keep object code under a name; warn once where that is impossible."""
    folder = cache_folder()
    if folder is None:
        _say_once()
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            temporary = file.name
            file.write(_digest(name, image) + image)
        os.replace(temporary, folder / f"{name}.object")
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        _say_once()


@lru_cache(maxsize=1)
def _say_once() -> None:
    """Warn that nothing can be kept: once per machine, by a mark among its temporary files."""
    try:
        folder = str(asked_folder())
    except RuntimeError:
        folder = "~/.cache/chainrule"
    if _is_marked(folder):
        return
    logging.getLogger("chainrule").warning(
        "compiled code cannot be kept in %s, so every process compiles for some seconds; set "
        "CHAINRULE_CACHE_DIR to a folder of yours that nobody else can write to",
        folder,
    )


def _is_marked(folder: str) -> bool:
    """Return whether this user has been told about a folder, and mark it."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    key = hashlib.sha256(folder.encode(errors="replace")).hexdigest()[:16]
    mark = Path(tempfile.gettempdir()) / f"chainrule-no-cache-{user}-{key}"
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return True
    except OSError:
        return False
    return False
