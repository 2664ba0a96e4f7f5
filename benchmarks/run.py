"""The benchmarks, one after the other, and how long each took.

    pip install . -r benchmarks/requirements.txt && python benchmarks/run.py

It writes the pages and plots of ``benchmarks/results``. The machine should be idle meanwhile.
"""

import subprocess
import sys
import time
from pathlib import Path

from report import HERE, arguments, duration

# Speed against peers: 13 minutes on two slow cores.
FIRST: dict[str, list[str]] = {
    "steps": ["--rounds", "2", "--seconds", "0.2"],
    "latency": ["--rounds", "2"],
    "memory": [],
    "startup": ["--repeats", "2"],
    "busy": ["--seconds", "0.5"],
}
OTHERS = ("parts", "zeros", "words", "serving", "late_epochs", "estimators")
SCRIPTS = FIRST | {name: [] for name in OTHERS}


def main() -> None:
    """Run the scripts; one that fails does not keep the others from running."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="*", default=list(FIRST), choices=list(SCRIPTS))
    parser.add_argument("--all", action="store_true", help="the others too, which take longer")
    parser.add_argument("--data", type=Path, help="folder of the tables")
    options = parser.parse_args()
    failed, took = [], []
    for name in SCRIPTS if options.all else options.only:
        command = [sys.executable, str(HERE / f"{name}.py"), "--out", str(options.out)]
        command += SCRIPTS[name]
        if name in ("estimators", "late_epochs") and options.data:
            command += ["--data", str(options.data)]
        began = time.perf_counter()
        if subprocess.run(command).returncode:
            failed.append(name)
        took.append(f"{name} {duration(time.perf_counter() - began)}")
    print(", ".join(took), file=sys.stderr)
    if failed:
        sys.exit(f"These failed, with their reasons above: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
