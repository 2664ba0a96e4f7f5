"""Where an engine computes, and how precise its products are: by option, flag and report."""

import os
import subprocess
import sys

import numpy as np
import pytest

from chainrule import Dense, MLPRegressor, Network, Objective, load, optimizers, save_model, train
from chainrule.app.report import Report
from chainrule.app.show import show
from chainrule.engines.choice import choose_engine, registry
from chainrule.engines.registry import loaded
from chainrule.engines.resources import PRECISIONS, Resources
from chainrule.estimators.recipe import Recipe
from chainrule.foundation.arrays import device_of
from chainrule.foundation.errors import InputError

X = np.random.default_rng(0).normal(size=(40, 2))
Y = X[:, 0] - X[:, 1]
SMALL = {"hidden_layer_sizes": (3,), "max_iter": 2, "learning_rate": "cosine", "random_state": 0}
OBJECTIVE = Objective(Network(Dense(2, 3, "tanh"), Dense(3, 1)), "mse")


def chosen(engine, **resources):
    return choose_engine(engine, OBJECTIVE, optimizers.sgd, Resources(**resources))


@pytest.mark.parametrize("wrong", ["gup", "cuda:", "cuda:-1", "", None, 1, "cpu:1:2"])
def test_a_name_of_no_device_is_refused(wrong):
    with pytest.raises(InputError, match="device must be 'auto', 'cpu', 'gpu', 'tpu', or one by"):
        MLPRegressor(device=wrong, **SMALL).fit(X, Y)
    with pytest.raises(InputError, match="device must be"):
        train(OBJECTIVE.network, X, Y, device=wrong)


@pytest.mark.parametrize("wrong", ["float32", None, "HIGH"])
def test_a_precision_that_is_not_known_is_refused(wrong):
    with pytest.raises(InputError, match="matmul_precision must be 'highest' or 'high' or"):
        MLPRegressor(matmul_precision=wrong, **SMALL).fit(X, Y)


@pytest.mark.parametrize("engine", ["auto", "jax"])
def test_a_device_that_is_absent_is_one_sentence(engine):
    jax = pytest.importorskip("jax")
    name = f"cpu:{len(jax.devices('cpu'))}"
    with pytest.raises(InputError, match=rf"got '{name}'. JAX sees .* alone; for another device"):
        MLPRegressor(engine=engine, device=name, **SMALL).fit(X, Y)


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_engines_without_devices_refuse_one(engine):
    pytest.importorskip("llvmlite")
    with pytest.raises(InputError, match=f"device must be one that engine='{engine}' has; got"):
        chosen(engine, device="gpu")
    assert chosen(engine, device="cpu").name == engine
    reason = registry[engine].reason_against(
        OBJECTIVE, optimizers.sgd, np.dtype("float64"), Resources(device="tpu")
    )
    assert reason == f"The engine '{engine}' computes where the arrays are, and moves none."


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_engines_of_full_precision_refuse_a_lower_one(engine):
    pytest.importorskip("llvmlite")
    with pytest.raises(InputError, match="computes products in full precision, not at"):
        chosen(engine, matmul_precision="high")


def test_a_device_without_the_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr("chainrule.engines.registry.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"got 'gpu'\. The package jax is not installed"):
        MLPRegressor(device="gpu", **SMALL).fit(X, Y)


def test_the_engine_of_the_arrays_is_taken():
    pytest.importorskip("llvmlite")
    jax = pytest.importorskip("jax")
    vector = OBJECTIVE.network.start(0, "float32").vector
    for array, name in ((vector, "compiled"), (jax.numpy.asarray(vector), "jax")):
        engine = chosen("auto")
        scores = engine.scores(array, X.astype("float32"))
        assert (engine.name, type(scores)) == (name, type(array))


@pytest.mark.slow
def test_auto_takes_the_engine_that_has_the_precision():
    jax = pytest.importorskip("jax")
    model = MLPRegressor(matmul_precision="high", **SMALL).fit(X, Y)
    assert (model.engine_, model.device_) == ("jax", chosen("jax").device)
    assert jax.config.jax_default_matmul_precision is None  # set inside our calls alone


@pytest.mark.parametrize("precision", PRECISIONS)
def test_products_ask_for_the_precision(precision, monkeypatch):
    jax = pytest.importorskip("jax")
    seen = []

    def scores_of(network, vector, x):
        seen.append(jax.config.jax_default_matmul_precision)
        return jax.numpy.zeros((x.shape[0], 1))

    monkeypatch.setattr("chainrule.engines.jax_engine.engine.scores_of", scores_of)
    chosen("jax", matmul_precision=precision).scores(OBJECTIVE.network.start(0).vector, X)
    assert seen == [precision]


@pytest.mark.slow
def test_engine_device_and_precision_are_told_and_kept(tmp_path, capsys):
    pytest.importorskip("jax")
    model = MLPRegressor(engine="jax", matmul_precision="bfloat16", **SMALL).fit(X, Y)
    assert "allowed the precision 'bfloat16'" in str(model.explain(X, Y).report())
    model.device_ = "cuda:1 (NVIDIA H200)"  # as on a machine that has one
    save_model(tmp_path / "model", model)
    again = load(tmp_path / "model")
    assert again.device_ == model.device_
    assert "by the jax engine on cuda:1 (NVIDIA H200): the same" in str(
        again.explain(X, Y).report()
    )
    show(str(tmp_path / "model"), Report())
    words = "engine   jax on cuda:1 (NVIDIA H200), products at precision bfloat16"
    assert words in capsys.readouterr().out
    plain = MLPRegressor(**SMALL).fit(X, Y)
    assert plain.device_ == "cpu"


def test_a_tensor_says_where_it_lives():
    torch = pytest.importorskip("torch")

    class OnGPU(torch.Tensor):
        device = torch.device("cuda", 1)

    assert device_of(torch.zeros(2)) == device_of(X) == device_of([1.0]) == "cpu"
    assert device_of(torch.zeros(2).as_subclass(OnGPU)) == "cuda:1"
    # where no engine has that device, the CPU engine computes, as on a machine without JAX's build
    recipe = Recipe.of(MLPRegressor(**SMALL))
    assert recipe.near("cuda:4095").resources == recipe.near("mps:0").resources == recipe.resources


@pytest.mark.parametrize("missing", [None, "No such device."])
def test_auto_trains_where_the_inputs_live_if_an_engine_can(monkeypatch, missing):
    pytest.importorskip("jax")
    module = "chainrule.engines.jax_engine.devices.missing"
    monkeypatch.setattr(module, lambda name: missing)
    loaded.cache_clear()
    free = Recipe.of(MLPRegressor(**SMALL)).near("cuda:1")
    assert free.resources.device == ("auto" if missing else "cuda:1")
    for options in ({"engine": "reference"}, {"device": "cpu"}):
        recipe = Recipe.of(MLPRegressor(**SMALL, **options))
        assert recipe.near("cuda:1").resources == recipe.resources
    loaded.cache_clear()


@pytest.mark.slow
def test_one_of_two_devices_by_its_number():
    pytest.importorskip("jax")
    program = """
import jax, numpy as np, sklearn
from chainrule import Dense, MLPRegressor, Network, train
X = np.random.default_rng(0).normal(size=(40, 2))
y = X[:, 0]
small = {"hidden_layer_sizes": (3,), "max_iter": 2, "learning_rate": "cosine", "random_state": 0}
fits = [MLPRegressor(engine="jax", device=name, **small).fit(X, y)
        for name in ("cpu:0", "cpu:1", "auto")]
print([model.device_ for model in fits])
print(len({model.parameters_.vector.tobytes() for model in fits}))
network = Network(Dense(2, 3, "tanh"), Dense(3, 1))
there = jax.device_put(network.start(0, "float32").vector, jax.devices("cpu")[1])
ends = [epoch for device in ("auto", "cpu:0") for epoch in
        train(network, X, y, parameters=network.parameters(there), epochs=1, device=device)]
print([next(iter(end.state.vector.devices())).id for end in ends])
there = jax.device_put(X, jax.devices("cpu")[1])
fits = [MLPRegressor(**small, **own).fit(there, y) for own in ({}, {"device": "cpu"})]
print([(model.engine_, model.device_) for model in fits])
with sklearn.config_context(array_api_dispatch=True):
    answers = [fits[0].predict(there), fits[1].predict(there)]
near = jax.device_put(X, jax.devices("cpu")[0])
for x in (there, near):
    *_, epoch = train(network, x, x[:, 0], epochs=1, dtype="float32")
    answers += [epoch.state.vector, epoch.predict(x)]
print([next(iter(answer.devices())).id for answer in answers])
"""
    flags = os.environ.get("XLA_FLAGS", "")
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        env={
            **os.environ,
            "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=2",
            "SCIPY_ARRAY_API": "1",
        },
    )
    assert ran.stderr == ""
    first, second, third, fourth, fifth = ran.stdout.splitlines()
    assert first == "['cpu', 'cpu:1', 'cpu']"
    assert second == "1"
    assert third == "[1, 0]"
    assert fourth.startswith("[('jax', 'cpu:1'), (")
    assert "jax" not in fourth.partition("), (")[2]
    assert fifth == "[1, 1, 1, 1, 0, 0]"
