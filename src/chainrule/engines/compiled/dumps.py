"""The dump of compiled modules: everything from graph to assembly, as files to read.

CHAINRULE_DUMP names a folder. Each module that a process loads gets a folder in it, and each load
a line in ``index.txt``.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from chainrule.foundation.errors import must_be

__all__ = ["Dump"]

VARIABLE = "CHAINRULE_DUMP"
# Digits of a module's hash in the name of its folder: enough to tell modules of one title apart.
DIGITS = 8


class Dump:
    """The folder of one module.

    Parameters
    ----------
    root : Path
        The folder that the variable names.
    title : str
        Name of the module, for people.
    name : str
        Hash of its key, under which its object code is cached.
    """

    def __init__(self, root: Path, title: str, name: str) -> None:
        readable = re.sub(r"[^A-Za-z0-9_.]+", "-", title).strip("-.") or "module"
        self.folder = root / f"{readable}-{name[:DIGITS]}"
        self._index = root / "index.txt"

    @classmethod
    def wanted(cls, title: str, name: str) -> "Dump | None":
        """Return the dump of a module, or None where none is asked for.

        Raises
        ------
        InputError
            If the folder cannot be made or written to.
        """
        asked = os.environ.get(VARIABLE)
        if not asked:
            return None
        dump = cls(Path(asked), title, name)
        try:
            dump.folder.mkdir(parents=True, exist_ok=True)
            with dump._index.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise _refusal(asked, error) from error
        return dump

    def write(self, outcome: str, files: Mapping[str, str]) -> None:
        """Write the files of the module, and a line of the index: the outcome and the folder.

        Raises
        ------
        InputError
            If they cannot be written.
        """
        try:
            for name, text in files.items():
                (self.folder / name).write_text(text, encoding="utf-8")
            with self._index.open("a", encoding="utf-8") as index:
                index.write(f"{outcome:<8} {self.folder.name}\n")
        except OSError as error:
            raise _refusal(str(self.folder), error) from error


def _refusal(folder: str, error: OSError) -> Exception:
    reason = error.strerror or type(error).__name__
    return must_be(
        VARIABLE,
        "a folder that can be written to",
        folder,
        f"{reason}. Name another folder, or unset the variable.",
    )
