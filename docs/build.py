"""Build the site: ``python docs/build.py``; ``--all`` runs the gallery's examples too.

The pages are in ``build/site``, `index.html` first. Warnings are errors, and nothing is fetched.
"""

import argparse
import os
import re
import shutil
import sys
import time
from pathlib import Path

from sphinx.cmd.build import main as sphinx

DOCS = Path(__file__).resolve().parent
BUILD = DOCS.parent / "build"


def build(*, gallery: bool, fresh: bool, jobs: int, out: Path) -> int:
    """Build the site into a folder, and return Sphinx's exit code."""
    os.environ.setdefault("MPLBACKEND", "agg")
    if fresh:
        for folder in (DOCS / "generated", BUILD / "doctrees", out):
            shutil.rmtree(folder, ignore_errors=True)
    return sphinx(
        [
            *("-b", "html", "-q", "-W", "--keep-going"),
            *("-j", str(jobs), "-d", str(BUILD / "doctrees")),
            *("-D", f"plot_gallery={gallery:d}"),
            *(str(DOCS), str(out)),
        ]
    )


def requests_elsewhere(site: Path) -> list[str]:
    """Return what pages, styles and scripts of a site would ask of another host when opened."""
    loaders = "script|img|iframe|source|video|link"
    patterns = {
        "*.html": rf"""<(?:{loaders})\b[^>]*?\b(?:src|href)=["']?(https?:)?//""",
        "*.css": r"""(?:url\(|@import)\s*["']?(https?:)?//""",
    }
    return [
        f"{page.relative_to(site)}: {found[0]}"
        for suffix, pattern in patterns.items()
        for page in sorted(site.rglob(suffix))
        for found in re.finditer(pattern, page.read_text("utf-8"))
    ]


def main() -> int:
    """Read the command line, build, and say where the site is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="run the examples of the gallery")
    parser.add_argument("--fresh", action="store_true", help="forget what was built before")
    parser.add_argument("--jobs", type=int, default=1, help="the number of processes")
    parser.add_argument("--out", type=Path, default=BUILD / "site", help="the folder to write")
    asked = parser.parse_args()
    begun = time.perf_counter()
    out = asked.out.resolve()
    code = build(gallery=asked.all, fresh=asked.fresh, jobs=asked.jobs, out=out)
    elsewhere = [] if code else requests_elsewhere(out)
    if elsewhere:
        print("\n".join(["requests to other hosts:", *elsewhere]), file=sys.stderr)
        code = 1
    if code == 0:
        print(f"{out / 'index.html'}, in {time.perf_counter() - begun:.0f} s")
    return code


if __name__ == "__main__":
    sys.exit(main())
