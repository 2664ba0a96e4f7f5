"""A person at the command line: an empty folder, and what the two streams say."""

import functools
import io
import shutil
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
import typer

from chainrule.app.__main__ import main


class Answer(NamedTuple):
    code: int
    out: str
    err: str


GET_COMMAND = functools.cache(typer.main.get_command)


@pytest.fixture(autouse=True)
def _one_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the commands out of their functions once: it takes as long as a small fit."""
    monkeypatch.setattr("typer.main.get_command", GET_COMMAND)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def chainrule(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Run ``chainrule`` with the words given, in the empty folder."""

    def run(*words: object) -> Answer:
        code = main([str(word) for word in words])
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Lay a table, and what a command makes of it, into the current folder; it runs once.

    The table comes as a function that writes it, so that a name and the words tell all.
    """
    folders: dict[tuple[str, ...], Path] = {}

    def lay(name: str, write: Callable[[str], object], *words: object) -> None:
        command = tuple(map(str, words))
        if (name, *command) not in folders:
            made = tmp_path_factory.mktemp("once")
            silence = io.StringIO()
            with chdir(made), redirect_stdout(silence), redirect_stderr(silence):
                write(name)
                assert main(list(command)) == 0, silence.getvalue()
            folders[name, *command] = made
        shutil.copytree(folders[name, *command], ".", dirs_exist_ok=True)

    return lay


@pytest.fixture
def flats() -> pl.DataFrame:
    """A mixed table: rent follows from area, district and the year; dear from the rent."""
    random = np.random.default_rng(11)
    area = random.uniform(20, 120, 300)
    district = random.choice(["Nord", "Süd", "West"], 300)
    year = random.integers(1900, 2024, 300)
    rent = 8 * area + 300 * (district == "West") + 2 * (year - 1900) + random.normal(0, 10, 300)
    return pl.DataFrame(
        {
            "area": [None if n % 17 == 5 else value for n, value in enumerate(area)],
            "district": district,
            "built": [f"{value}-0{1 + n % 9}-15" for n, value in enumerate(year)],
            "lift": year > 1990,
            "country": ["Here"] * 300,
            "rent": rent,
            "dear": np.where(rent > 900, "dear", "cheap"),
        }
    )
