"""The page on environment variables names those that the package reads, and no others."""

import ast
import re
import signal
from functools import cache
from pathlib import Path

import chainrule

PAGE = Path(__file__).parents[2] / "docs" / "environment_variables.md"
SOURCE = Path(chainrule.__file__).parent
READS = {"environ", "environb", "getenv"}


def test_the_table_names_what_the_source_reads():
    table = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(table) == len(set(table))
    assert set(table) == names_in_source()


@cache
def names_in_source():
    """Return the names in capitals of every module that looks into the environment."""
    found = set()
    for module in SOURCE.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        if not any(name in text for name in READS):
            continue
        parsed = list(ast.walk(ast.parse(text)))
        words = {node.attr for node in parsed if isinstance(node, ast.Attribute)}
        words |= {node.id for node in parsed if isinstance(node, ast.Name)}
        if words & READS:
            literals = {node.value for node in parsed if isinstance(node, ast.Constant)}
            found |= {
                text
                for text in literals
                if isinstance(text, str)
                and re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", text)
                # names of the module itself, as in `__all__`, and of signals
                and not (text in words or hasattr(signal, text))
            }
    return found


def test_the_search_finds_them():
    assert {"CHAINRULE_CACHE_DIR", "OMP_NUM_THREADS"} <= names_in_source()
