"""The labels that `partial_fit` is told of: those of `fit`, of any container."""

import numpy as np
import pandas as pd
import pytest

from chainrule import MLPClassifier
from chainrule.foundation.errors import InputError

X = np.random.default_rng(12).normal(size=(30, 3))
Y = np.arange(30) % 3


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([], r"classes must be all labels that will ever come; got \[\]"),
        (0, r"classes must be of shape"),
        (["a", "b", None], "classes must hold labels of one type that sorts; got NoneType and str"),
        ([1, "a"], "classes must hold labels of one type that sorts; got int and str"),
        ([0.0, 1.0, np.nan], "classes contains NaN in row 2"),
        (["0", "1", "2"], r"classes of the first fit, \['0', '1', '2'\]; got 0 in row 0"),
    ],
)
def test_invalid_classes_are_refused(classes, words):
    with pytest.raises(InputError, match=words):
        MLPClassifier(random_state=0).partial_fit(X, Y, classes=classes)


@pytest.mark.parametrize(
    "classes",
    [{2, 0, 1}, range(3), (2, 1, 0), pd.Index([0, 1, 2]), pd.array([0, 1, 2], dtype="Int64")],
    ids=["set", "range", "tuple", "index", "nullable"],
)
def test_classes_of_every_kind_are_taken(classes):
    model = (
        MLPClassifier(random_state=0)
        .partial_fit(X, Y, classes=classes)
        .partial_fit(X, Y, None, classes)
    )
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.classes_.dtype == np.int64
