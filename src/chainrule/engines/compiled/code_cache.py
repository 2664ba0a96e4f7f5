"""The cache of machine code: files of object code, shared by successive processes.

A file is a digest of its name and content, and an object file. Names do not depend on the place of
the folder.
"""

import hashlib
import logging
import os
import tempfile
from functools import lru_cache
from pathlib import Path

from chainrule.foundation.cache_folder import asked_folder, cache_folder

__all__ = ["read", "write"]


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
        os.chmod(temporary, 0o644)  # a temporary file is its writer's alone
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
