"""Training where the arrays are: on the device of tensors of PyTorch, or of arrays of JAX."""

import numpy as np
import pytest

from chainrule import Network, TrainingState, optimizers, save_state, steps, train
from chainrule.foundation.arrays import lives_on_a_device

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4))
WEIGHT = RANDOM.random(40) * (np.arange(40) % 5 > 0)
NETWORK = Network.of_widths([4, 6, 3], "tanh")
TARGETS = {
    "mse": RANDOM.normal(size=(40, 3)),
    "categorical_cross_entropy": RANDOM.integers(0, 3, 40),
    "binary_cross_entropy": RANDOM.integers(0, 2, (40, 3)).astype(float),
}
COMMON = {
    "epochs": 4,
    "batch_size": 16,
    "learning_rate": 0.01,
    "l2": 0.01,
    "dropout": 0.2,
    "patience": 3,
}


@pytest.fixture
def torch(monkeypatch):
    """Return PyTorch, whose tensors refuse to become arrays of NumPy or to leave their device."""
    library = pytest.importorskip("torch")

    def refuse(*_, **__):
        raise AssertionError("a tensor was copied to NumPy")

    for name in ("__array__", "numpy", "cpu", "tolist"):
        monkeypatch.setattr(library.Tensor, name, refuse)
    return library


def of_numpy(loss, optimizer):
    """Return the epochs of the reference engine on the same numbers as NumPy arrays."""
    validation = (X[:9], TARGETS[loss][:9])
    common = COMMON | {"loss": loss, "optimizer": optimizer, "validation": validation}
    return list(
        train(NETWORK, X, TARGETS[loss], sample_weight=WEIGHT, engine="reference", **common)
    )


@pytest.mark.grid(3)
@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("optimizer", ["adam", optimizers.get("adamw", averaging=0.9)])
def test_a_run_of_tensors_never_leaves_their_device(torch, loss, optimizer):
    expected = [(epoch.loss, epoch.validation_loss) for epoch in of_numpy(loss, optimizer)]
    last = of_numpy(loss, optimizer)[-1].parameters.vector
    x, y, weight = (torch.asarray(array) for array in (X, TARGETS[loss], WEIGHT))
    drawn = NETWORK.parameters(torch.asarray(NETWORK.start(0).vector))
    # an array that is made without a word about its device would be on this one, and mixed
    with torch.device("meta"):
        found = []
        for epoch in train(
            NETWORK,
            x,
            y,
            sample_weight=weight,
            parameters=drawn,
            validation=(x[:9], y[:9]),
            loss=loss,
            optimizer=optimizer,
            **COMMON,
        ):
            found.append((epoch.loss, epoch.validation_loss))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    state = epoch.state
    for array in (state.vector, *state.slots, state.best):
        assert array.device.type == "cpu"
        assert array.dtype == torch.float64
    difference = epoch.parameters.vector - torch.asarray(last)
    assert float(abs(difference).max()) < 1e-12


def test_steps_and_their_gradients_stay_there_too(torch):
    x, y = torch.asarray(X), torch.asarray(TARGETS["mse"])
    drawn = NETWORK.parameters(torch.asarray(NETWORK.start(0).vector))
    with torch.device("meta"):
        for step in steps(NETWORK, x, y, parameters=drawn, batch_size=16, learning_rate=0.1):
            moved = step.before.vector - 0.1 * step.gradient.vector
            assert bool((step.parameters.vector == moved).all())


def test_a_state_of_tensors_is_saved_as_one_of_numpy(tmp_path):
    torch = pytest.importorskip("torch")
    drawn = NETWORK.parameters(torch.asarray(NETWORK.start(0).vector, dtype=torch.float32))
    state = TrainingState.start(NETWORK, optimizers.adam, dtype="float32", parameters=drawn)
    save_state(tmp_path / "state", state)
    assert (tmp_path / "state").stat().st_size > 0


def test_a_start_is_drawn_where_the_inputs_are():
    torch = pytest.importorskip("torch")
    there = torch.zeros((2, 4), device="meta", dtype=torch.float32)
    assert lives_on_a_device(there)
    state = TrainingState.start(NETWORK, optimizers.adam, dtype="float32", x=there)
    assert {array.device.type for array in (state.vector, *state.slots)} == {"meta"}
    # in main memory the CPU engine is the fastest
    state = TrainingState.start(NETWORK, optimizers.adam, x=torch.zeros((2, 4)))
    assert isinstance(state.vector, np.ndarray)


@pytest.mark.slow
def test_arrays_of_jax_are_trained_by_its_engine():
    jax = pytest.importorskip("jax")
    x, y = jax.numpy.asarray(X, "float32"), jax.numpy.asarray(TARGETS["mse"], "float32")
    *_, epoch = train(NETWORK, x, y, epochs=2, dtype="float32")
    *_, true = train(NETWORK, X.astype("float32"), TARGETS["mse"], epochs=2, dtype="float32")
    assert isinstance(epoch.state.vector, jax.Array)
    assert isinstance(epoch.predict(x), jax.Array)
    assert epoch.loss == pytest.approx(true.loss, rel=1e-5)
