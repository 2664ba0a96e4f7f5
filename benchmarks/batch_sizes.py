"""What the batch size does on the digits: the time of a step, and the steps to the same loss.

    pip install . && python benchmarks/batch_sizes.py

It writes ``benchmarks/results/batch_sizes.md``: 64-32-10, relu, float32, SGD at one rate for all
sizes, one thread. Times are the least of interleaved rounds; steps are the median over seeds.
"""

import statistics
import time

import numpy as np
from report import arguments, duration, machine, markdown, write
from sklearn.datasets import load_digits

from chainrule import Dense, Epoch, Network, train

SIZES = (8, 32, 128, 512, 1797)
NETWORK = Network(Dense(64, 32, "relu"), Dense(32, 10))
RATE, LOSS, SEEDS, ROUNDS = 0.1, 0.2, 5, 7


def begin(x: np.ndarray, y: np.ndarray, size: int, seed: int, epochs: int):
    """Return the epochs of a run."""
    return train(
        NETWORK,
        x,
        y,
        loss="categorical_cross_entropy",
        optimizer="sgd",
        learning_rate=RATE,
        batch_size=size,
        epochs=epochs,
        seed=seed,
        n_threads=1,
    )


def steps_to_loss(x: np.ndarray, y: np.ndarray, size: int, seed: int) -> tuple[int, int]:
    """Return the epochs and steps until the mean loss of an epoch is below `LOSS`."""
    steps = 0
    epoch: Epoch
    for number, epoch in enumerate(begin(x, y, size, seed, 10_000), start=1):
        steps += epoch.steps
        if epoch.loss < LOSS:
            return number, steps
    raise RuntimeError(f"batches of {size} did not reach the loss {LOSS}")


def seconds_of_steps(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """Return the seconds of a step, from a run of 20 epochs after one for warming up."""
    run = begin(x, y, size, 0, 21)
    next(run)
    begun, steps = time.perf_counter(), 0
    for epoch in run:
        steps += epoch.steps
    return (time.perf_counter() - begun) / steps


def main() -> None:
    """Measure, and write the page."""
    asked = arguments(__doc__).parse_args()
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    needed = {size: [steps_to_loss(x, y, size, seed) for seed in range(SEEDS)] for size in SIZES}
    seconds = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            seconds[size].append(seconds_of_steps(x, y, size))
    rows = []
    for size in SIZES:
        epochs = statistics.median(one for one, _ in needed[size])
        steps = statistics.median(many for _, many in needed[size])
        step = min(seconds[size])
        rows.append(
            (f"{size:,}", duration(step), f"{epochs:,}", f"{steps:,}", duration(step * steps))
        )
    head = ("batch", "a step", f"epochs to loss {LOSS}", "steps", "time")
    setting = (
        f"{machine()}. The {len(x):,} digits, 64-32-10, relu, float32, SGD at rate {RATE} for all "
        f"sizes, one thread; steps until the mean loss of an epoch is below {LOSS}, the median of "
        f"{SEEDS} seeds; the time of a step is the least of {ROUNDS} interleaved rounds, and the "
        "last column is steps times it."
    )
    write(asked.out, "batch_sizes", f"# Batch sizes\n\n{setting}\n\n{markdown(head, rows)}")


if __name__ == "__main__":
    main()
