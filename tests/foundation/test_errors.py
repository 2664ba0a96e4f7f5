"""Errors: their sentences, and that they travel between processes."""

import pickle

import pytest

from chainrule.foundation.errors import (
    DivergenceError,
    FileFormatError,
    InputError,
    UnknownNameError,
    must_be,
    suggest,
)


def test_must_be_builds_the_sentence():
    error = must_be("batch_size", "a positive integer", 0, "Choose at least 1.")
    assert isinstance(error, InputError)
    assert str(error) == "batch_size must be a positive integer; got 0. Choose at least 1."
    assert str(must_be("q", "a number", "x")) == "q must be a number; got 'x'."


def test_input_errors_are_value_errors():
    for kind in (InputError, UnknownNameError, FileFormatError):
        assert issubclass(kind, ValueError)


def test_unknown_name_prints_its_sentence_without_quotes():
    assert str(UnknownNameError("unknown loss 'x'.")) == "unknown loss 'x'."


@pytest.mark.parametrize(
    ("name", "names", "hint"),
    [
        ("sigmoyd", ["relu", "sigmoid"], "Did you mean 'sigmoid'?"),
        ("RELU", ["relu", "sigmoid"], "Did you mean 'relu'?"),
        ("price", ["Price ", "city"], "Did you mean 'Price '?"),
        ("zzz", ["relu"], ""),
        ("", ["relu"], ""),
        ("relu", [], ""),
    ],
)
def test_suggest(name, names, hint):
    assert suggest(name, names) == hint


def test_divergence_names_epoch_step_rate_and_what_to_try():
    error = DivergenceError(epoch=3, step=17, learning_rate=0.5, loss=1e12, first_loss=2.0)
    assert isinstance(error, ArithmeticError)
    assert str(error) == (
        "training diverged in epoch 3, step 17: the loss is 1e+12, the first was 2, the "
        "learning rate 0.5. The last good parameters are kept. Try a learning rate of 0.05 or "
        "less, and bring inputs and targets to a similar scale."
    )
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert (copy.epoch, copy.step, copy.loss) == (3, 17, 1e12)


class _Wild:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "value",
    [
        [1] * 10_000,
        "x" * 10_000,
        {n: n for n in range(9_000)},
        10**20_000,
        _Wild(),
        {"a": ["b" * 999] * 99},
    ],
    ids=["list", "text", "dict", "number", "no repr", "nested"],
)
def test_a_message_is_short_whatever_the_value_is(value):
    message = str(must_be("alpha", "a number", value, "Try 0."))
    assert len(message) <= 500
    assert message.startswith("alpha must be a number; got ")
    assert message.endswith(". Try 0.")


def test_a_long_message_keeps_its_beginning_and_its_end():
    message = str(InputError("begin " + "x" * 30_000 + " end"))
    assert len(message) == 500
    assert message.startswith("begin ")
    assert message.endswith(" end")
    assert str(InputError("y" * 500)) == "y" * 500
