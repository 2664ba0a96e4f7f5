"""Memory against rows: the peak above the data, of fit and of predict, each in its own process.

    pip install . -r benchmarks/requirements.txt && python benchmarks/memory.py

It writes ``benchmarks/results/memory.md``. The peak is the kernel's own high-water mark of resident
memory, which is set back once the data is there and a small fit has loaded all code; Linux only.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from isolated import isolated
from report import arguments, machine, markdown, write

COLUMNS, UNITS, BATCH = 50, 100, 200
SPARSE_ROWS, SPARSE_COLUMNS, ENTRIES = 100_000, 5_000, 50


def resident(what: str) -> int:
    """Return ``VmRSS``, or its highest value ``VmHWM``, of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no line {what}.")


def peak_above(action: Any) -> int:
    """Return how far resident memory rises while an action runs, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back
    before = resident("VmRSS")
    action()
    return max(0, resident("VmHWM") - before)


def estimator(library: str) -> Any:
    """Return a classifier of one of the libraries."""
    if library == "chainrule":
        from chainrule import MLPClassifier
    else:
        from sklearn.neural_network import MLPClassifier
    return MLPClassifier((UNITS,), batch_size=BATCH, max_iter=1, random_state=0)


class FullTensor:
    """PyTorch with all rows in one tensor: mini-batches to train, one call to predict."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> None:
        """Make one pass over the rows."""
        import torch

        layers = torch.nn.Linear(x.shape[1], UNITS), torch.nn.ReLU(), torch.nn.Linear(UNITS, 2)
        self.model = torch.nn.Sequential(*layers)
        rule = torch.optim.Adam(self.model.parameters())
        rows, targets = torch.from_numpy(x), torch.from_numpy(y)
        for index in torch.randperm(len(x)).split(BATCH):
            rule.zero_grad()
            torch.nn.functional.cross_entropy(self.model(rows[index]), targets[index]).backward()
            rule.step()

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Return class numbers."""
        import torch

        with torch.inference_mode():
            return self.model(torch.from_numpy(x)).argmax(1).numpy()


def dense(library: str, n: int) -> tuple[int, int, int]:
    """Return the bytes of the inputs, and the peaks of fit and predict above them."""
    random = np.random.default_rng(0)
    x = random.standard_normal((n, COLUMNS), np.float32)
    y = np.arange(n) % 2
    model = FullTensor() if library == "PyTorch" else estimator(library)
    model.fit(x[:1000], y[:1000])
    model.predict(x[:1000])
    return x.nbytes, peak_above(lambda: model.fit(x, y)), peak_above(lambda: model.predict(x))


def counts(places: np.ndarray, columns: int) -> Any:
    """Return how often each row names a column: a CSR matrix, float32."""
    import scipy.sparse

    rows, entries = places.shape
    starts = np.arange(0, places.size + 1, entries, dtype=np.int32)
    ones = np.ones(places.size, np.float32)
    x = scipy.sparse.csr_matrix((ones, places.ravel(), starts), (rows, columns))
    x.sum_duplicates()
    return x


def sparse(library: str) -> tuple[int, int, int]:
    """Return the same for a sparse matrix."""
    random = np.random.default_rng(0)
    places = random.integers(0, SPARSE_COLUMNS, (SPARSE_ROWS, ENTRIES), np.int32)
    x, y = counts(places, SPARSE_COLUMNS), np.arange(SPARSE_ROWS) % 2
    model = estimator(library)
    model.fit(x[:1000], y[:1000])
    model.predict(x[:1000])
    size = x.data.nbytes + x.indices.nbytes + x.indptr.nbytes
    return size, peak_above(lambda: model.fit(x, y)), peak_above(lambda: model.predict(x))


def mebibytes(size: int) -> str:
    """Return a size."""
    return f"{size / 2**20:,.1f}"


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--rows", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    if not Path("/proc/self/clear_refs").exists():
        parser.error("needs Linux, whose /proc tells the highest resident memory of a process.")
    lines = []
    for n in options.rows:
        for library in ("chainrule", "scikit-learn", "PyTorch"):
            lines.append([f"{n:,}", library, *map(mebibytes, isolated(dense, library, n))])
            print(*lines[-1], file=sys.stderr)
    head = ["rows", "", "data, MiB", "fit, MiB above", "predict, MiB above"]
    sparse_lines = [
        [library, *map(mebibytes, isolated(sparse, library))]
        for library in ("chainrule", "scikit-learn")
    ]
    densified = SPARSE_ROWS * SPARSE_COLUMNS * 4
    text = (
        f"# Memory\n\n{machine('torch')}. Peak of resident memory above the data, one epoch, then "
        f"a prediction of all rows; {COLUMNS} columns of float32, {UNITS} hidden units, "
        f"{BATCH} rows a step.\n\n{markdown(head, lines)}\n\n## Sparse inputs\n\n"
        f"CSR, {SPARSE_ROWS:,} rows of {SPARSE_COLUMNS:,} columns, {ENTRIES} entries a row: "
        f"{mebibytes(densified)} MiB as a dense matrix.\n\n{markdown(head[1:], sparse_lines)}"
    )
    write(options.out, "memory", text)


if __name__ == "__main__":
    main()
