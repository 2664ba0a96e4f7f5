"""Prediction: the time of one call for 1, 100 and 100 000 rows, the same weights everywhere.

    pip install . -r benchmarks/requirements.txt && python benchmarks/latency.py

It writes ``benchmarks/results/latency.md`` and ``latency.png``. Each peer in a process of its own,
its probabilities compared with scikit-learn's first, rounds interleaved, the best of all kept.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from isolated import isolated
from report import COLORS, arguments, duration, machine, markdown, write

WIDTHS = (50, 128, 64, 10)
ROWS = (1, 100, 100_000)
TOLERANCE = 1e-5
SECONDS = 1.0

Predict = Callable[[np.ndarray], np.ndarray]


def prepare(folder: Path) -> None:
    """Fit scikit-learn's network, and write weights, inputs, its answers, and it as ONNX."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    random = np.random.default_rng(0)
    x = random.normal(size=(max(ROWS), WIDTHS[0])).astype(np.float32)
    y = np.arange(2000) % WIDTHS[-1]
    model = MLPClassifier(WIDTHS[1:-1], max_iter=20, random_state=0).fit(x[:2000], y)
    weights = {f"w{i}": w.astype(np.float32) for i, w in enumerate(model.coefs_)}
    biases = {f"b{i}": b.astype(np.float32) for i, b in enumerate(model.intercepts_)}
    np.savez(folder / "network.npz", x=x, expected=model.predict_proba(x), **weights, **biases)
    exported = to_onnx(model, x[:1], options={"zipmap": False})
    (folder / "network.onnx").write_bytes(exported.SerializeToString())


def stored(folder: Path) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return weights and biases."""
    with np.load(folder / "network.npz") as arrays:
        layers = range(len(WIDTHS) - 1)
        return [arrays[f"w{i}"] for i in layers], [arrays[f"b{i}"] for i in layers]


def fitted(kind: Any, folder: Path) -> Any:
    """Return an estimator of either library that holds the weights."""
    x = np.zeros((WIDTHS[-1], WIDTHS[0]), np.float32)
    model = kind(WIDTHS[1:-1], max_iter=1).fit(x, np.arange(WIDTHS[-1]))
    model.coefs_, model.intercepts_ = stored(folder)
    return model


def chainrule_estimator(folder: Path, threads: int) -> Predict:
    """`MLPClassifier.predict_proba`, of a model that comes from its file."""
    from chainrule import MLPClassifier, load, save_model

    save_model(folder / "network.chainrule", fitted(MLPClassifier, folder))
    return load(folder / "network.chainrule").predict_proba


def chainrule_network(folder: Path, threads: int) -> Predict:
    """`Network.predict`, the bare network, and the softmax of SciPy."""
    from chainrule import Network, Parameters

    network = Network.of_widths(list(WIDTHS))
    parameters = Parameters.from_arrays(*stored(folder), "float32")
    from scipy.special import softmax

    return lambda x: softmax(network.predict(parameters, x), axis=1)


def scikit_learn(folder: Path, threads: int) -> Predict:
    """`MLPClassifier.predict_proba`."""
    from sklearn.neural_network import MLPClassifier

    return fitted(MLPClassifier, folder).predict_proba


def pytorch(folder: Path, threads: int, compiled: bool = False) -> Predict:
    """Eager PyTorch without gradients, from and to NumPy arrays."""
    import torch

    torch.set_num_threads(threads)
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(*stored(folder), strict=True):
        layer = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight.T))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1], torch.nn.Softmax(1)).eval()
    call = torch.compile(model) if compiled else model

    def predict(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return call(torch.from_numpy(x)).numpy()

    return predict


def pytorch_compiled(folder: Path, threads: int) -> Predict:
    """The same through torch.compile."""
    return pytorch(folder, threads, compiled=True)


def onnxruntime(folder: Path, threads: int) -> Predict:
    """scikit-learn's network, exported by skl2onnx."""
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    path = str(folder / "network.onnx")
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(["probabilities"], {name: x})[0]


PEERS: dict[str, Callable[[Path, int], Predict]] = {
    "chainrule": chainrule_estimator,
    "chainrule, Network.predict": chainrule_network,
    "onnxruntime": onnxruntime,
    "PyTorch": pytorch,
    "PyTorch compiled": pytorch_compiled,
    "scikit-learn": scikit_learn,
}


def measure(peer: str, folder: Path, threads: int, seconds: float) -> dict[int, float]:
    """Return the best seconds per call by number of rows, once the answers are right."""
    predict = PEERS[peer](folder, threads)
    with np.load(folder / "network.npz") as arrays:
        x, expected = arrays["x"], arrays["expected"]
    best = {}
    for n in ROWS:
        rows = x[:n]
        error = np.abs(predict(rows) - expected[:n]).max()
        assert error <= TOLERANCE, f"{peer} is wrong by {error:.1e} for {n} rows"
        calls, spent, best[n] = 1, 0.0, float("inf")
        while spent < seconds:
            began = time.perf_counter()
            for _ in range(calls):
                predict(rows)
            took = time.perf_counter() - began
            spent += took
            best[n] = min(best[n], took / calls)
            if took < 1e-3:  # the clock must not matter
                calls *= 2
    return best


def plot(best: dict[str, dict[int, float]], path: Path) -> None:
    """Draw how many times longer than ours a call takes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    own = best["chainrule"]
    peers = [peer for peer in best if not peer.startswith("chainrule")]
    for axes, n in zip(figure.subplots(1, len(ROWS)), ROWS, strict=True):
        ratios = [best[peer][n] / own[n] for peer in peers]
        bars = axes.barh(peers, ratios, color=[COLORS[peer] for peer in peers])
        axes.bar_label(bars, [f"{ratio:.2g}" for ratio in ratios], padding=2)
        axes.axvline(1.0, color=COLORS["chainrule"], linewidth=2)
        axes.set_title(f"{n:,} row{'s' if n > 1 else ''}: ours {duration(own[n])}", fontsize=10)
        axes.set_xlim(0.0, 1.15 * max(1.0, *ratios))
        axes.invert_yaxis()
        axes.label_outer()
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.supxlabel("time of a prediction, chainrule = 1", fontsize=10)
    figure.savefig(path, dpi=120)


def measure_all(options: argparse.Namespace) -> dict[int, dict[str, dict[int, float]]]:
    """Return the best seconds by threads, peer and rows."""
    found: dict[int, dict[str, dict[int, float]]] = {n: {} for n in options.threads}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        isolated(prepare, folder)
        for turn in range(options.rounds):
            for threads, best in found.items():
                for peer in options.peers:
                    new = isolated(measure, peer, folder, threads, options.seconds, threads=threads)
                    old = best.setdefault(peer, new)
                    best[peer] = {n: min(old[n], new[n]) for n in ROWS}
                print(f"round {turn + 1}, {threads} thread(s)", file=sys.stderr)
    return found


def main() -> None:
    """Measure, and write the results."""
    parser = arguments(__doc__)
    parser.add_argument("--peers", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="per peer, rows and round")
    options = parser.parse_args()
    found = measure_all(options)
    text = (
        f"{machine('torch', 'onnxruntime', 'skl2onnx')}. Network {'-'.join(map(str, WIDTHS))}, "
        "float32; one call from a NumPy array of rows to the probabilities of each row, checked "
        f"against scikit-learn's to {TOLERANCE:g} first; each peer in a process of its own, the "
        "best of interleaved rounds.\n"
    )
    parts = ["# Prediction\n", text]
    for threads, best in found.items():
        lines = [[peer, *(duration(times[n]) for n in ROWS)] for peer, times in best.items()]
        head = ["", *(f"{n:,} row{'s' if n > 1 else ''}" for n in ROWS)]
        parts += [
            f"## {threads} thread{'s' if threads > 1 else ''}\n",
            markdown(head, lines),
            "",
        ]
    write(options.out, "latency", "\n".join(parts))
    if "chainrule" in options.peers:
        plot(found[min(found)], options.out / "latency.png")


if __name__ == "__main__":
    main()
