"""The same formula text gives the same numbers on NumPy, array-api-strict and PyTorch arrays."""

import numpy as np
import pytest

from chainrule import activations, losses, optimizers, penalties
from chainrule.foundation.arrays import namespace

Z = np.random.default_rng(8).normal(0.0, 3.0, (6, 4))
HARD = np.array([[0.0, -0.0, 1e300, -1e300], [np.inf, -np.inf, np.nan, 1e-320]])
HARD32 = np.array([[0.0, -0.0, 3e38, -3e38], [np.inf, -np.inf, np.nan, 1e-40]], dtype=np.float32)


def same(found, expected, rtol=1e-14, atol=1e-16):
    assert type(found) is not type(expected) or isinstance(found, np.ndarray)
    assert str(found.dtype).rpartition(".")[2] == str(expected.dtype)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", activations)
def test_activations_agree(library, asarray, name):
    record = activations[name]
    z = asarray(Z)
    a = record(z)
    same(a, record(Z))
    xp, numpy = namespace(z), namespace(Z)
    same(record.slope(xp, z, a), record.slope(numpy, Z, record(Z)))
    same(record.pullback(xp, z, a, z * 0.5), record.pullback(numpy, Z, record(Z), Z * 0.5))


@pytest.mark.grid(4)
@pytest.mark.parametrize("name", activations)
@pytest.mark.parametrize("hard", [HARD, HARD32], ids=["float64", "float32"])
def test_activations_agree_at_hard_inputs(library, asarray, name, hard):
    record = activations[name]
    tiny = 2.3e-308 if hard.dtype == np.float64 else 1.2e-38  # libraries may flush subnormals
    rtol = 1e-14 if hard.dtype == np.float64 else 1e-6
    with np.errstate(all="ignore"):
        z = asarray(hard)
        a = record(z)
        same(a, record(hard), rtol, tiny)
        slope = record.slope(namespace(z), z, a)
        same(slope, record.slope(namespace(hard), hard, record(hard)), rtol, tiny)


@pytest.mark.parametrize("name", losses)
def test_losses_agree(library, asarray, name):
    record = losses[name]
    targets = np.eye(4)[[0, 1, 2, 3, 0, 1]]
    s, y = asarray(Z), asarray(targets)
    xp, numpy = namespace(s), namespace(Z)
    for method in ("value", "gradient", "rows", "rows_gradient"):
        same(getattr(record, method)(xp, s, y), getattr(record, method)(numpy, Z, targets))
    same(record.mean(xp, s), record.mean(numpy, Z))
    same(record.log_mean(xp, asarray(np.abs(Z))), record.log_mean(numpy, np.abs(Z)))
    p = record.mean(numpy, Z)
    for options in ({}, {"reduction": "sum"}, {"sample_weight": [1.0, 0.0, 2.0, 1.0, 1.0, 3.0]}):
        assert float(record(asarray(p), y, **options)) == pytest.approx(
            float(record(p, targets, **options)), rel=1e-13
        )
    same(record(asarray(p), y, reduction="none"), record(p, targets, reduction="none"))


@pytest.mark.parametrize("name", losses)
def test_encoding_keeps_the_library(library, asarray, name):
    record = losses[name]
    like = asarray(np.zeros(1))
    targets = np.eye(4)[[0, 3]]
    for y in (targets, asarray(targets), targets.tolist()):
        found = record.encode(y, 4, like)
        assert type(found) is type(like)
        np.testing.assert_array_equal(np.asarray(found), targets)


def test_class_numbers_become_rows_of_the_library(library, asarray):
    like = asarray(np.zeros(1, dtype=np.float32))
    record = losses["categorical_cross_entropy"]
    for y in ([0, 2, 1], np.array([0, 2, 1], dtype=np.uint8), asarray(np.array([0, 2, 1]))):
        found = record.encode(y, 3, like)
        assert type(found) is type(like)
        assert found.dtype == like.dtype
        np.testing.assert_array_equal(np.asarray(found), np.eye(3)[[0, 2, 1]])


@pytest.mark.parametrize("name", optimizers)
def test_optimizers_agree(library, asarray, name):
    record = optimizers[name]
    p, g = Z[0], Z[1]
    ours, expected = asarray(p), p
    memory, expected_memory = (), ()
    for t in (1, 2, 3):
        ours, *memory = record(ours, asarray(g), *memory, rate=0.1, t=t)
        expected, *expected_memory = record(expected, g, *expected_memory, rate=0.1, t=t)
    same(ours, expected)
    for slot, expected_slot in zip(memory, expected_memory, strict=True):
        same(slot, expected_slot)


@pytest.mark.parametrize("name", penalties)
def test_penalties_agree(library, asarray, name):
    record = penalties.get(name, strength=0.3)
    w = asarray(Z)
    xp, numpy = namespace(w), namespace(Z)
    assert float(record.value(xp, w)) == pytest.approx(float(record.value(numpy, Z)), rel=1e-14)
    same(record.gradient(xp, w), record.gradient(numpy, Z))
