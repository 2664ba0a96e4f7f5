"""Whole training steps on JAX's device: the engine "jax" beside the same network written by hand.

    pip install ".[jax]" -r benchmarks/requirements.txt && python benchmarks/accelerators.py

By hand is `peers.jax`: autodiff, one jitted scan per epoch, and the epoch's mean loss, which the
engine tells too. On a GPU, PyTorch with CUDA graphs runs beside both. Rounds are interleaved in one
process, and the best of each counts; ``--only`` measures some of the networks. Then 64 networks are
trained by one program, and one after the other. Another build of JAX, for a GPU or a TPU, needs no
change here. It writes ``benchmarks/results/accelerators.md``.
"""

import time
from datetime import date

import jax
import numpy as np
import peers
from cases import CASES, ROWS, Case
from report import arguments, machine, markdown, write

OPTIMIZERS = ("sgd", "adam")
# Networks that are trained at once, of this shape, for so many epochs; what --only calls it.
MANY, SMALL, EPOCHS, TOGETHER = 64, Case((20, 64, 64, 2), 32), 2, "together"


def cuda_graphs(case: Case, optimizer: str) -> peers.Run | None:
    """Return PyTorch's compiled step replayed as CUDA graphs; None where there is no GPU."""
    try:
        import torch
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    x, y = (torch.from_numpy(array).cuda() for array in case.data())
    layers: list[torch.nn.Module] = []
    for n_in, n_out in zip(case.widths, case.widths[1:], strict=False):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1]).cuda()
    criterion = torch.nn.CrossEntropyLoss() if case.classes else torch.nn.MSELoss()
    rule = (
        torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
        if optimizer == "sgd"
        else torch.optim.Adam(model.parameters(), lr=1e-3, fused=True, capturable=True)
    )

    @torch.compile(mode="reduce-overhead")
    def loss(rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return criterion(model(rows), targets)

    draw = peers.orders(case)

    def epoch() -> None:
        for index in torch.from_numpy(draw()).cuda():
            rule.zero_grad(set_to_none=True)
            loss(x[index], y[index]).backward()
            rule.step()
        torch.cuda.synchronize()

    return epoch


def many_networks() -> dict[str, peers.Run]:
    """Return how networks are trained by one program, and one after the other."""
    from chainrule import Network, train, train_many

    x, y = SMALL.data()
    network = Network.of_widths(list(SMALL.widths))
    common = {
        "loss": "categorical_cross_entropy",
        "optimizer": "adam",
        "batch_size": SMALL.batch,
        "epochs": EPOCHS,
        "dtype": "float32",
        "engine": "jax",
    }
    seeds = range(MANY)

    def together() -> None:
        train_many(network, x, y, [{"seed": seed} for seed in seeds], **common)

    def each() -> None:
        for seed in seeds:
            list(train(network, x, y, seed=seed, **common))

    return {"together": together, "one after the other": each}


def best_of(runs: dict[str, peers.Run], rounds: int) -> dict[str, float]:
    """Return the least seconds of each, over interleaved rounds."""
    best = dict.fromkeys(runs, float("inf"))
    for run in 2 * list(runs.values()):  # one compiles, and one finds how many steps a call makes
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def memory_of(case: Case) -> list[str]:
    """Return what training by Adam takes on the device, in MB, by XLA's own count."""
    from chainrule import Network, Objective, optimizers
    from chainrule.engines.jax_engine.programs import (
        Data,
        Formulas,
        Plan,
        opened,
        program_of,
    )

    x, y = case.data()
    network = Network.of_widths(list(case.widths))
    objective = Objective(network, "categorical_cross_entropy" if case.classes else "mse")
    vector = network.start(0, "float32").vector
    slots = optimizers.adam.start(np, vector)
    targets = objective.loss.encode(y, network.n_out, vector)
    room, numbers = ROWS // case.batch, 1 + len(optimizers.adam.numbers(1e-3, 1))
    plan = Plan(
        order=np.zeros((room, case.batch), np.int32),
        constants=np.zeros((room, 1, numbers), np.float32),
        keys=None,
        short=None,
        strengths=np.zeros(0, np.float32),
        steps=np.int32(room),
    )
    formulas, data = Formulas(objective, optimizers.adam), Data(x, targets, None)
    state = opened(formulas, vector), tuple(opened(formulas, slot) for slot in slots)
    lowered = program_of(formulas).lower(formulas, *state, data, plan)
    found = lowered.compile().memory_analysis()
    rows, state = x.nbytes + targets.nbytes, 3 * vector.nbytes
    parts = (rows, state, found.temp_size_in_bytes)
    return [f"{bytes_ / 1e6:,.1f}" for bytes_ in (*parts, sum(parts))]


def main() -> None:
    """Measure all cases, and write the page."""
    parser = arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="networks whose name holds it, or together")
    options = parser.parse_args()
    device = jax.devices()[0]
    pages = [
        "# Steps on JAX's device",
        (
            f"{machine('jax', 'torch')}; {date.today():%B %Y}. Device: {device.device_kind} "
            f"({device.platform}). float32, microseconds per whole step, the best of "
            f"{options.rounds} interleaved epochs of {ROWS:,} rows."
        ),
    ]
    chosen = [case for case in CASES if options.only in case.name]
    for optimizer in OPTIMIZERS if chosen else ():
        table = []
        for case in chosen:
            runs = {
                "engine jax": peers.chainrule_on_jax(case, optimizer, 0),
                "JAX by hand": peers.jax(case, optimizer, 0, losses=True),
            }
            graphs = cuda_graphs(case, optimizer)
            if graphs is not None:
                runs["PyTorch, CUDA graphs"] = graphs
            best = best_of(runs, options.rounds)
            ratio = min(list(best.values())[1:]) / best["engine jax"]
            steps = ROWS // case.batch
            times = [f"{1e6 * seconds / steps:,.1f}" for seconds in best.values()]
            table.append([case.name, *times, f"{ratio:.2f}"])
            print(optimizer, *table[-1], flush=True)
        head = ["network @ batch", *best, "best other / ours"]
        pages += [f"## {optimizer}", markdown(head, table)]
    if options.only in TOGETHER:
        best = best_of(many_networks(), options.rounds)
        together, apart = best.values()
        pages += [
            f"## {MANY} networks of {SMALL.name}, seconds for {EPOCHS} epochs (Adam)",
            markdown(
                [*best, "as fast"],
                [[f"{together:.2f}", f"{apart:.2f}", f"{apart / together:.1f}"]],
            ),
        ]
    if chosen:
        table = [[case.name, *memory_of(case)] for case in chosen]
        head = ["network @ batch", "rows", "parameters and slots", "work of a step", "together"]
        pages += ["## Memory on the device, MB (Adam)", markdown(head, table)]
    write(options.out, "accelerators", "\n\n".join(pages))


if __name__ == "__main__":
    main()
