"""Properties hold for random examples too, drawn from the seed that the header of pytest shows.

The files with properties run again in processes of their own, with the profile `random`.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# The extreme numbers of these find new faults for about one seed in three, a task of its own and
# not a test of a change: run pytest on the file with --hypothesis-profile=random.
HUNTS = {"estimators/test_properties.py"}
FILES = sorted(
    path.relative_to(TESTS).as_posix()
    for path in TESTS.rglob("test_*.py")
    if re.search(r"^\s*@given\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    and path.relative_to(TESTS).as_posix() not in HUNTS
)


# A process takes a second to start: two share the files, one for each worker of a small machine.
PARTS = 2


def run_with_random_examples(paths, seed):
    """Run the properties of files; return what pytest answers, and the words to repeat it."""
    words = [*paths, "-m", "hypothesis", "--hypothesis-profile=random",
             f"--hypothesis-seed={seed}"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
        cwd=TESTS.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done, f"to repeat: pytest {' '.join(words)}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_properties_hold_for_random_examples(part):
    paths = [str(TESTS / path) for path in FILES[part::PARTS]]
    done, words = run_with_random_examples(paths, os.environ["CHAINRULE_TEST_SEED"])
    assert done.returncode == 0, words
