"""The folder in which compiled code is kept.

Only a folder that belongs to this user or to root, and that nobody else can write to, is used. It
may be moved, and need not be writable. Every user may read it, as in an image that root builds and
another user runs.
"""

import os
import sys
import tempfile
from pathlib import Path

__all__ = ["asked_folder", "cache_folder", "is_trusted"]

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
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    return folder if is_trusted(status) else None


def is_trusted(status: os.stat_result) -> bool:
    """Return whether only this user, or root, can have written to a folder."""
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in (ROOT, os.getuid()) and not status.st_mode & 0o022
