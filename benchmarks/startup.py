"""Start-up: imports, first steps with and without a cache, and many small calls.

    pip install . -r benchmarks/requirements.txt && python benchmarks/startup.py

It writes ``benchmarks/results/startup.md``. Times are of whole fresh processes, the best of some.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from isolated import isolated
from memory import resident
from report import arguments, duration, machine, markdown, write

IMPORTS = {
    "chainrule": "import chainrule",
    "scikit-learn's network": "from sklearn.neural_network import MLPClassifier",
    "PyTorch": "import torch",
    "JAX": "import jax.numpy",
    "onnxruntime": "import onnxruntime",
}
DATA = """
import numpy as np, warnings
warnings.simplefilter("ignore")
random = np.random.default_rng(0)
x = random.normal(size=(1000, 20)).astype(np.float32)
y = np.arange(1000) % 2
"""
ESTIMATOR = """
MLPClassifier((64, 64), batch_size=200, max_iter=1).fit(x, y)
"""
STEPS = """
import torch
model = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64),
                            torch.nn.ReLU(), torch.nn.Linear(64, 2))
rule = torch.optim.Adam(model.parameters())
loss = lambda x, y: torch.nn.functional.cross_entropy(model(x), y)
loss = {compiled}(loss)
for rows, targets in zip(torch.from_numpy(x).split(200), torch.from_numpy(y).split(200)):
    rule.zero_grad()
    loss(rows, targets).backward()
    rule.step()
"""
JAX_STEPS = """
import jax, jax.numpy as jnp
widths = (20, 64, 64, 2)
parameters = [(jnp.asarray(random.normal(size=pair), jnp.float32) / pair[0] ** 0.5,
               jnp.zeros(pair[1])) for pair in zip(widths, widths[1:])]
def loss(parameters, x, y):
    for w, b in parameters[:-1]:
        x = jax.nn.relu(x @ w + b)
    scores = jax.nn.log_softmax(x @ parameters[-1][0] + parameters[-1][1])
    return -scores[jnp.arange(len(y)), y].mean()
zeros = jax.tree_util.tree_map(jnp.zeros_like, parameters)
def step(state, batch):
    parameters, m, v, t = state
    g = jax.grad(loss)(parameters, *batch)
    tree = jax.tree_util.tree_map
    t, m = t + 1, tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    return (tree(lambda p, m, v: p - 0.001 * m / (1 - 0.9**t) / (
        jnp.sqrt(v / (1 - 0.999**t)) + 1e-8), parameters, m, v), m, v, t), None
batches = jnp.asarray(x).reshape(5, 200, 20), jnp.asarray(y).reshape(5, 200)
epoch = jax.jit(lambda state, batches: jax.lax.scan(step, state, batches)[0])
jax.block_until_ready(epoch((parameters, zeros, zeros, jnp.float32(0)), batches))
"""
# Name, program, whether it keeps machine code in a folder that can be emptied.
FITS = {
    "chainrule": (DATA + "from chainrule import MLPClassifier" + ESTIMATOR, True),
    "scikit-learn": (DATA + "from sklearn.neural_network import MLPClassifier" + ESTIMATOR, False),
    "PyTorch": (DATA + STEPS.format(compiled=""), False),
    "PyTorch compiled": (DATA + STEPS.format(compiled="torch.compile"), True),
    "JAX": (DATA + JAX_STEPS, False),
}
CACHES = ("CHAINRULE_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
CALLS = 100_000


def process_seconds(program: str, cache: str) -> float:
    """Return how long a fresh interpreter takes for a program."""
    environment = {**os.environ, **dict.fromkeys(CACHES, cache)}
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program], check=True, env=environment, capture_output=True
    )
    return time.perf_counter() - began


def growth(calls: int) -> tuple[int, int, float]:
    """Return resident bytes before and after many predictions of one row, and seconds per call."""
    import numpy as np

    from chainrule import MLPClassifier

    x = np.random.default_rng(0).normal(size=(1000, 20)).astype(np.float32)
    model = MLPClassifier((64, 64), max_iter=1).fit(x, np.arange(1000) % 2)
    for row in range(1000):
        model.predict(x[row : row + 1])
    before = resident("VmRSS")
    began = time.perf_counter()
    for call in range(calls):
        row = call % 1000
        model.predict(x[row : row + 1])
    seconds = time.perf_counter() - began
    return before, resident("VmRSS"), seconds / calls


def import_lines(repeats: int) -> list[list[str]]:
    """Return the best time of each import above that of an interpreter that imports nothing."""
    bare = min(process_seconds("pass", "") for _ in range(repeats))
    lines = []
    for name, program in IMPORTS.items():
        best = min(process_seconds(program, "") for _ in range(repeats))
        lines.append([name, f"`{program}`", duration(best - bare)])
    return lines


def fit_lines(options: argparse.Namespace) -> list[list[str]]:
    """Return the time of a whole process that imports and makes five steps: first, and again."""
    lines = []
    for name, (program, caches) in FITS.items():
        first = []
        folder = tempfile.mkdtemp()
        try:
            for _ in range(options.repeats if caches else 0):
                shutil.rmtree(folder)
                os.mkdir(folder, 0o700)
                first.append(process_seconds(program, folder))
            again = min(process_seconds(program, folder) for _ in range(options.repeats))
        finally:
            shutil.rmtree(folder)
        lines.append([name, duration(min(first)) if first else "as later", duration(again)])
        print(*lines[-1], file=sys.stderr)
    return lines


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--calls", type=int, default=CALLS)
    options = parser.parse_args()
    before, after, seconds = isolated(growth, options.calls)
    text = (
        f"# Start-up\n\n{machine('torch', 'jax', 'onnxruntime')}. Whole fresh processes, the best "
        f"of {options.repeats}.\n\n"
        "## Imports, above an interpreter that imports nothing\n\n"
        + markdown(["", "statement", "time"], import_lines(options.repeats))
        + "\n\n## From the start of the interpreter to five steps made\n\n"
        "Network 20-64-64-2, Adam, 200 rows a step, float32; at first with an empty folder of "
        "machine code.\n\n"
        + markdown(["", "at first", "later"], fit_lines(options))
        + f"\n\n## Many small calls\n\n{options.calls:,} calls of `MLPClassifier.predict` with one "
        f"row: {duration(seconds)} each; resident memory {before / 2**20:.1f} MiB before, "
        f"{after / 2**20:.1f} MiB after."
    )
    write(options.out, "startup", text)


if __name__ == "__main__":
    main()
