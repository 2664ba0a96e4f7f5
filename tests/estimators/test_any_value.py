"""Every option with every kind of wrong value: one sentence of ours, and never a long one."""

import inspect
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from chainrule import MLPClassifier, MLPRegressor
from chainrule.estimators.options import OPTIONS
from chainrule.foundation.errors import (
    LONGEST_MESSAGE,
    DataWarning,
    DivergenceWarning,
    InputError,
    NoEffectWarning,
)

RANDOM = np.random.default_rng(61)
X = RANDOM.normal(size=(30, 3))
Y = (X[:, 0] > 0).astype(int)
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "engine": "reference", "random_state": 0}


class Silent:
    def __repr__(self):
        raise RuntimeError("no repr")


VALUES = {
    "vast integer": 10**400,
    "minus vast": -(10**400),
    "nan": float("nan"),
    "infinity": float("inf"),
    "negative": -1.5,
    "zero": 0,
    "text": "x" * 5000,
    "long list": [3] * 10_000,
    "empty list": [],
    "nested": [["relu"], {"a": 1}],
    "dict": {f"label {number}": 1 for number in range(2000)},
    "array": np.arange(10_000.0),
    "frame": pd.DataFrame(np.zeros((200, 50))),
    "class": dict,
    "object": object(),
    "without repr": Silent(),
    "bytes": b"y" * 3000,
    "None": None,
    "complex": 1j,
}


# A class is a function of an epoch, and so many layers are a network.
MEANT = (("callbacks", "class"), ("hidden_layer_sizes", "long list"))


@pytest.mark.grid(2)
@pytest.mark.parametrize("option", OPTIONS)
def test_a_wrong_value_is_one_short_sentence(option):
    kind = MLPClassifier if option in inspect.signature(MLPClassifier).parameters else MLPRegressor
    options = SMALL | {"early_stopping": option == "validation_fraction"}
    refused, words = [], []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, value in VALUES.items():
            if (option, name) in MEANT:
                continue
            model = kind(**options | {option: value})
            try:
                model.fit(X, Y)
            except InputError as error:
                refused.append(name)
                words.append(str(error))
                assert not hasattr(model, "parameters_"), name
            except ValueError as error:  # of scikit-learn, for its own argument
                words.append(str(error))
                assert option == "random_state", name
    assert max(map(len, [*words, *(str(one.message) for one in caught)])) <= LONGEST_MESSAGE
    assert len(refused) >= 5 or option in ("random_state", "validation_fraction")


@pytest.mark.parametrize("kind", [InputError, DataWarning, DivergenceWarning, NoEffectWarning])
def test_no_message_is_long_and_all_survive_pickling(kind):
    message = kind("word " * 1000 + "Do this.")
    assert len(str(message)) == LONGEST_MESSAGE
    assert str(message).endswith("Do this.")
    assert str(pickle.loads(pickle.dumps(message))) == str(message)
