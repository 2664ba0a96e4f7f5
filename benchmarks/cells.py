"""Cells of a page of results, one JSON line each, so that a stopped run goes on where it was.

A cell is one fit: what was asked (table, method, seed, rows to train on), what came out, and the
machine and the day. A file may hold cells of several machines; CPU seconds are then not comparable,
and `machines` says so.
"""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from report import machine

KEY = ("table", "method", "seed", "rows")


class Cells:
    """Cells by what was asked for; each new one is appended to the file at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[tuple[Any, ...], dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._keep(json.loads(line))

    def _keep(self, cell: dict[str, Any]) -> None:
        self._found[tuple(cell[name] for name in KEY)] = cell

    def get(self, table: str, method: str, seed: int, rows: int | None) -> dict[str, Any] | None:
        """Return a cell, or None if it was not measured."""
        return self._found.get((table, method, seed, rows))

    def measure(
        self, table: str, method: str, seed: int, rows: int | None, run: Callable[[], dict]
    ) -> dict[str, Any]:
        """Return a cell, measured now if the file lacks it."""
        found = self.get(table, method, seed, rows)
        if found is None:
            asked = dict(zip(KEY, (table, method, seed, rows), strict=True))
            found = asked | run() | {"date": f"{dt.date.today()}", "machine": machine()}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            self._keep(found)
            print(table, method, seed, found, flush=True)
        return found

    def seeds(self, table: str, method: str, rows: int | None) -> list[dict[str, Any]]:
        """Return the cells of all seeds that were measured."""
        return [
            cell
            for key, cell in sorted(self._found.items(), key=lambda item: item[0][2])
            if (key[0], key[1], key[3]) == (table, method, rows)
        ]

    def methods(self, begin: str) -> list[str]:
        """Return the methods that are ``begin``, or so named with a remark in brackets."""
        found = dict.fromkeys(key[1] for key in self._found)
        return [name for name in found if name == begin or name.startswith(f"{begin} (")]

    def machines(self) -> str:
        """Return the machines of the cells and their days, in one line."""
        days: dict[str, set[str]] = {}
        for cell in self._found.values():
            days.setdefault(cell["machine"], set()).add(cell["date"])
        return "; ".join(
            f"{name} ({min(own)}{f' to {max(own)}' if len(own) > 1 else ''})"
            for name, own in days.items()
        )
