"""An activation added in one place is usable by name everywhere, and goes without a trace."""

import math
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule import Dense, Network, TrainingState, activations, load_state, save_state, train
from chainrule.formulas.records import Activation
from chainrule.foundation.errors import UnknownNameError


@dataclass(frozen=True)
class Toy(Activation):
    r"""A soft sign: z / (1 + abs(z)).

    {formula}

    Examples
    --------
    >>> Toy()([1.0, -3.0])
    array([ 0.5 , -0.75])
    """

    name = "toy"
    aliases = ("softsign",)
    latex = r"\frac{z}{1 + |z|}"
    slope_latex = r"\frac{1}{(1 + |z|)^2}"
    range = (-1.0, 1.0)
    source = "a test (2026)"

    def value(self, xp, z):
        return z / (1.0 + xp.abs(z))

    def slope(self, xp, z, a):
        root = 1.0 + xp.abs(z)
        return 1.0 / (root * root)


@pytest.fixture
def toy():
    record = activations.add(Toy())
    yield record
    activations.remove("toy")


X = np.random.default_rng(0).normal(size=(80, 2))
LABELS = np.where(X[:, 0] * X[:, 1] > 0.0, "same", "other")
TARGETS = (X[:, 0] * X[:, 1]).reshape(-1, 1)


def test_is_a_function_and_a_name(toy):
    np.testing.assert_allclose(activations.toy([1.0, -3.0]), [0.5, -0.75])
    assert "toy" in list(activations)
    assert activations["softsign"] is toy
    assert r"\frac{z}{1 + |z|}" in Toy.__doc__


def test_network_trains_with_it_by_name(toy):
    network = Network(Dense(2, 16, "toy"), Dense(16, 1))
    assert "toy" in network.summary()
    assert Network.from_dict(network.to_dict()) == network
    epochs = list(
        train(network, X, TARGETS, optimizer="adam", learning_rate=0.02, epochs=150, seed=1)
    )
    assert epochs[-1].loss < 0.1 * epochs[0].loss


def test_a_saved_state_finds_it_again(toy, tmp_path):
    state = TrainingState.start(Network(Dense(2, 3, "toy"), Dense(3, 1)), chainrule.optimizers.sgd)
    save_state(tmp_path / "toy.state", state)
    read = load_state(tmp_path / "toy.state").network
    assert read.layers[0].activation == toy
    assert read == state.network


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_take_it_by_name(toy):
    model = chainrule.MLPClassifier(
        (16,), activation="toy", max_iter=200, learning_rate_init=0.02, random_state=0
    ).fit(X, LABELS)
    assert model.score(X, LABELS) > 0.9
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))
    regressor = chainrule.MLPRegressor(
        hidden_layer_sizes=(16,), activation=["toy"], max_iter=50, random_state=0
    )
    assert math.isfinite(regressor.fit(X, TARGETS[:, 0]).score(X, TARGETS[:, 0]))


def test_afterwards_it_is_gone():
    for name in ("toy", "softsign"):
        assert name not in activations
        with pytest.raises(UnknownNameError, match=f"unknown activation '{name}'"):
            Dense(2, 3, name)


def test_a_taken_name_is_refused():
    @dataclass(frozen=True)
    class Another(Toy):
        name = "another"
        aliases = ("tanh",)

    with pytest.raises(ValueError, match="activation name must be new; 'tanh' is taken by Tanh"):
        activations.add(Another())
    assert "another" not in activations


COMMAND = """
import sys
sys.path.insert(0, sys.argv[1])
from toy import Toy
from chainrule import activations
activations.add(Toy())
from chainrule.app.__main__ import main
options = ["--activation", "toy", "--hidden", "8", "--epochs", "5", "--engine", "reference"]
assert main(["fit", "iris", *options, "--out", "iris.model", "--quiet"]) == 0
print("=====")
assert main(["show", "iris.model"]) == 0
print("=====")
assert main(["fit", "--help"]) == 0
"""


@pytest.mark.slow
def test_command_line_takes_it_by_name(tmp_path):
    pytest.importorskip("typer", reason="the command line is in the extra 'app'")
    source = Path(__file__).read_text(encoding="utf-8")
    block = source[source.index("@dataclass") : source.index("@pytest.fixture")]
    (tmp_path / "toy.py").write_text(
        "from dataclasses import dataclass\n"
        f"from chainrule.formulas.records import Activation\n\n\n{block}",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "MPLBACKEND": "Agg", "COLUMNS": "200", "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "iris.model").exists()
    _, shown, help_text = done.stdout.split("=====")
    assert "toy" in shown
    assert "toy" in help_text


SOFTSIGN = """
from dataclasses import dataclass
from chainrule import Activation, activations

@dataclass(frozen=True)
class Softsign(Activation):
    r'''A smooth step that levels off slowly.

    {formula}

    Examples
    --------
    >>> Softsign()([1.0, -3.0])
    array([ 0.5 , -0.75])
    '''

    name = "softsign"
    latex = r"\\frac{z}{1 + |z|}"
    slope_latex = r"\\frac{1}{(1 + |z|)^2}"
    range = (-1.0, 1.0)
    source = "Turian, Bergstra & Bengio (2009), NAACL"

    def value(self, xp, z):
        return z / (1.0 + xp.abs(z))

    def slope(self, xp, z, a):
        root = 1.0 + xp.abs(z)
        return SCALE / (root * root)

SCALE = 1.0
activations.add(Softsign())
"""


@pytest.mark.slow
@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong slope"])
def test_the_contracts_hold_for_it_without_another_edit(right, tmp_path):
    """One block is all there is to write: no test has to learn the new name."""
    text = SOFTSIGN if right else SOFTSIGN.replace("SCALE = 1.0", "SCALE = 1.5")
    (tmp_path / "softsign.py").write_text(text, encoding="utf-8")
    here = Path(__file__).parent
    tests = [here / f"test_{name}.py" for name in ("activations", "latex", "records")]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "softsign", "-p", "no:cacheprovider",
         "-k", "softsign or Softsign", *map(str, tests)],
        cwd=here.parents[1], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert (done.returncode == 0) is right, done.stdout + done.stderr
    assert ("test_value_and_slope_equal_sympy[Softsign" in done.stdout) is not right
    assert " passed" in done.stdout
