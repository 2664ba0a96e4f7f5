"""Each peer's own best way to make training steps: a function that prepares a case.

What it returns runs an epoch (ROWS // batch steps, rows in random order) and is timed from outside.
Peers are imported only where they are asked for.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from cases import ROWS, Case

if TYPE_CHECKING:
    from chainrule import Epoch
    from chainrule.engines.compiled.engine import CompiledEngine

Run = Callable[[], None]


def orders(case: Case) -> Callable[[], np.ndarray]:
    """Return a source of row orders, one row of the result per step."""
    random = np.random.default_rng(1)
    steps = ROWS // case.batch

    def draw() -> np.ndarray:
        return random.permutation(ROWS)[: steps * case.batch].reshape(steps, case.batch)

    return draw


def chainrule_epochs(
    case: Case, optimizer: str, threads: int, precision: str = "highest"
) -> "tuple[CompiledEngine, Iterator[Epoch]]":
    """Return the compiled engine for a case, and the epochs of `chainrule.train` with it."""
    from chainrule import Network, Objective, optimizers, train
    from chainrule.engines.compiled.engine import CompiledEngine

    x, y = case.data()
    rule = optimizers.get("sgd", momentum=0.9) if optimizer == "sgd" else optimizers.adam
    network = Network.of_widths(list(case.widths))
    loss = "categorical_cross_entropy" if case.classes else "mse"
    engine = CompiledEngine(Objective(network, loss), rule, threads, matmul_precision=precision)
    epochs = train(
        network,
        x,
        y,
        loss=loss,
        optimizer=rule,
        learning_rate=1e-3,
        batch_size=case.batch,
        epochs=10**9,
        dtype="float32",
        engine=engine,
    )
    return engine, epochs


def chainrule(case: Case, optimizer: str, threads: int, precision: str = "highest") -> Run:
    """The loop of `chainrule.train`, whole, with its own shuffling and bookkeeping."""
    _, epochs = chainrule_epochs(case, optimizer, threads, precision)
    return lambda: next(epochs) and None


def chainrule_on_jax(case: Case, optimizer: str, threads: int) -> Run:
    """The same loop with the engine that JAX compiles, on JAX's device."""
    from chainrule import Network, optimizers, train

    x, y = case.data()
    epochs = train(
        Network.of_widths(list(case.widths)),
        x,
        y,
        loss="categorical_cross_entropy" if case.classes else "mse",
        optimizer=optimizers.get("sgd", momentum=0.9) if optimizer == "sgd" else optimizers.adam,
        learning_rate=1e-3,
        batch_size=case.batch,
        epochs=10**9,
        dtype="float32",
        engine="jax",
    )
    return lambda: next(epochs) and None


def pytorch(case: Case, optimizer: str, threads: int, compiled: bool = False) -> Run:
    """Eager PyTorch with its fused optimizer, or the same step through torch.compile."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    x, y = (torch.from_numpy(array) for array in case.data())
    layers: list[torch.nn.Module] = []
    for n_in, n_out in zip(case.widths, case.widths[1:], strict=False):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    criterion = torch.nn.CrossEntropyLoss() if case.classes else torch.nn.MSELoss()
    if optimizer == "sgd":
        rule = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
    else:
        rule = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    draw = orders(case)

    def value(rows: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return criterion(model(rows), targets)

    loss = torch.compile(value) if compiled else value

    def epoch() -> None:
        for index in torch.from_numpy(draw()):
            rule.zero_grad(set_to_none=True)
            loss(x[index], y[index]).backward()
            rule.step()

    return epoch


def pytorch_compiled(case: Case, optimizer: str, threads: int) -> Run:
    """PyTorch with forward and backward compiled."""
    return pytorch(case, optimizer, threads, compiled=True)


def jax(case: Case, optimizer: str, threads: int, losses: bool = False) -> Run:
    """JAX with the whole epoch in one jitted scan; threads are set by the worker's affinity.

    With ``losses`` an epoch tells the mean loss of its batches too, as a training loop does.
    """
    import jax as j
    import jax.numpy as jnp

    x, y = case.data()
    x, y = jnp.asarray(x), jnp.asarray(y)
    random = np.random.default_rng(0)
    parameters = [
        (
            jnp.asarray(random.normal(size=(a, b)).astype(np.float32) * (2 / a) ** 0.5),
            jnp.zeros(b, jnp.float32),
        )
        for a, b in zip(case.widths, case.widths[1:], strict=False)
    ]

    def loss(parameters: list, rows: j.Array, targets: j.Array) -> j.Array:
        a = rows
        for w, b in parameters[:-1]:
            a = j.nn.relu(a @ w + b)
        s = a @ parameters[-1][0] + parameters[-1][1]
        if case.classes:
            picked = j.nn.log_softmax(s)[jnp.arange(s.shape[0]), targets]
            return -jnp.mean(picked)
        return jnp.mean((s - targets) ** 2)

    gradient = j.value_and_grad(loss)
    tree = j.tree_util.tree_map

    def step(state: tuple, index: j.Array) -> tuple:
        parameters, m, v, t = state
        value, g = gradient(parameters, x[index], y[index])
        if optimizer == "sgd":
            m = tree(lambda m, g: 0.9 * m - 1e-3 * g, m, g)
            parameters = tree(lambda p, m: p + m, parameters, m)
        else:
            t = t + 1.0
            m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            rate, scale = 1e-3 / (1 - 0.9**t), 1 / jnp.sqrt(1 - 0.999**t)
            parameters = tree(
                lambda p, m, v: p - rate * m / (scale * jnp.sqrt(v) + 1e-8), parameters, m, v
            )
        return (parameters, m, v, t), value if losses else None

    @j.jit
    def epoch(state: tuple, order: j.Array) -> tuple:
        state, values = j.lax.scan(step, state, order)
        return state, jnp.mean(values) if losses else None

    zeros = tree(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros, jnp.float32(0.0))
    draw = orders(case)

    def run() -> None:
        nonlocal state
        state, mean = j.block_until_ready(epoch(state, jnp.asarray(draw())))
        if losses:
            float(mean)

    return run


def scikit_learn(case: Case, optimizer: str, threads: int) -> Run:
    """scikit-learn's own fit, epoch after epoch by partial_fit; BLAS threads are limited."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    x, y = case.data()
    kind = MLPClassifier if case.classes else MLPRegressor
    model = kind(
        hidden_layer_sizes=case.widths[1:-1],
        solver=optimizer,
        learning_rate_init=1e-3,
        momentum=0.9,
        nesterovs_momentum=False,
        batch_size=case.batch,
        alpha=0.0,
    )
    y = y if case.classes else y[:, 0]
    classes = {"classes": np.arange(case.widths[-1])} if case.classes else {}
    model.partial_fit(x, y, **classes)
    return lambda: model.partial_fit(x, y) and None


PEERS = {
    "chainrule": chainrule,
    "JAX": jax,
    "PyTorch": pytorch,
    "PyTorch compiled": pytorch_compiled,
    "scikit-learn": scikit_learn,
}
