"""The page on files names every flag of reading, columns and places, and every suffix."""

import re
from pathlib import Path

from typer.main import get_command

from chainrule.app.commands import app
from chainrule.app.option_types import COLUMNS, READING
from chainrule.app.tables import READ

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text("utf-8")


def test_flags_and_page_agree():
    options = {
        name
        for command in get_command(app).commands.values()
        for option in command.params
        if getattr(option, "rich_help_panel", None) in (READING, COLUMNS)
        for name in (*option.opts, *option.secondary_opts)
    }
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert options <= named
    others = {"--keep", "--strict", "--force", "--rows", "--weight", "--groups", "--numbers"}
    assert named - options <= others


def test_every_suffix_is_named():
    for suffix in READ:
        assert all(f"`.{part}`" in PAGE for part in suffix.strip(".").split(".")), suffix
