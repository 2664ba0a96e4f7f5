"""A fit of a table that was ended goes on to the same bits; trained networks are kept."""

import numpy as np
import polars as pl
import pytest

from chainrule import Checkpoint, TabularClassifier, TabularRegressor
from chainrule.foundation.errors import InputError

RANDOM = np.random.default_rng(2)
ROWS = 120
TABLE = pl.DataFrame(
    {
        "size": [None if row % 9 == 4 else float(row % 13) for row in range(ROWS)],
        "kind": ["abc"[row % 3] for row in range(ROWS)],
        "noise": RANDOM.normal(size=ROWS),
    }
)
NUMBER = np.array([row % 13 + row % 3 for row in range(ROWS)], dtype=float)
LABELS = np.array(["no", "yes"])[(NUMBER > 7).astype(int)]
OWN = {"hidden_layer_sizes": (4,), "max_iter": 6, "engine": "reference", "batch_size": 32}
SMALL = {"n_folds": 3, "options": OWN, "random_state": 5, "n_threads": 1}


class EndedError(Exception):
    """The end of a process, as a test can survive it."""


def end_after(monkeypatch, epochs):
    """Let the process end in an epoch of any network, before its checkpoint is written."""
    from chainrule.estimators import fitting

    real, left = fitting.record, [epochs]

    def ended(*given):
        left[0] -= 1
        if left[0] == 0:
            raise EndedError
        real(*given)

    monkeypatch.setattr(fitting, "record", ended)


def epochs_made(monkeypatch):
    from chainrule.estimators import fitting

    real, made = fitting.record, []
    monkeypatch.setattr(fitting, "record", lambda *given: (made.append(1), real(*given))[1])
    return made


def same(one, other):
    assert one.oof_prediction_.tobytes() == other.oof_prediction_.tobytes()
    assert one.encoding_ == other.encoding_
    for ours, theirs in zip(one.members_, other.members_, strict=True):
        assert ours.weight == theirs.weight
        vectors = [each.estimator.parameters_.vector.tobytes() for each in (ours, theirs)]
        assert vectors[0] == vectors[1]


@pytest.mark.grid(9)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("ended", [1, 4, 9, 16])
@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_a_fit_goes_on_to_the_same_bits(tmp_path, monkeypatch, kind, ended) -> None:
    y = LABELS if kind is TabularClassifier else NUMBER
    expected = kind(**SMALL).fit(TABLE, y)
    with monkeypatch.context() as patch:
        end_after(patch, ended)
        with pytest.raises(EndedError):
            kind(**SMALL).fit(TABLE, y, checkpoint=Checkpoint(tmp_path, every=1))
    with monkeypatch.context() as patch:
        made = epochs_made(patch)
        again = kind(**SMALL).fit(TABLE, y, resume=tmp_path)
    same(again, expected)
    assert len(made) == 3 * 6 - (ended - 1)
    # all are trained: none is trained again
    with monkeypatch.context() as patch:
        made = epochs_made(patch)
        same(kind(**SMALL | {"random_state": None}).fit(TABLE, y, resume=tmp_path), expected)
    assert not made


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_search_goes_on_to_the_same_bits(tmp_path, monkeypatch) -> None:
    given = {"preset": "best", **SMALL, "n_folds": 2}
    expected = TabularClassifier(**given).fit(TABLE, LABELS)
    every, model = Checkpoint(tmp_path, every=1), TabularClassifier(**given)
    with monkeypatch.context() as patch:
        end_after(patch, 60)
        with pytest.raises(EndedError):
            model.fit(TABLE, LABELS, checkpoint=every)
    same(TabularClassifier(**given).fit(TABLE, LABELS, resume=tmp_path), expected)


def test_other_options_and_rows_are_refused_by_name(tmp_path) -> None:
    one = {**SMALL, "n_folds": 2}
    TabularRegressor(**one).fit(TABLE, NUMBER, checkpoint=Checkpoint(tmp_path))
    for changed, told in (
        ({"n_folds": 3}, r"n_folds must be 2, as in the checkpoint .*; got 3"),
        ({"options": OWN | {"max_iter": 7}}, r"options must be \{.*'max_iter': 6"),
        ({"random_state": 6}, r"random_state must be 5"),
        ({"encoding": "scale"}, r"encoding must be 'auto'"),
    ):
        with pytest.raises(InputError, match=told):
            TabularRegressor(**one | changed).fit(TABLE, NUMBER, resume=tmp_path)
    with pytest.raises(InputError, match=r"^y.* must be what the checkpoint"):
        TabularRegressor(**one).fit(TABLE, NUMBER + 1.0, resume=tmp_path)
    other = TABLE.with_columns(noise=pl.col("noise") + 1.0 * (pl.col("kind") == "a"))
    with pytest.raises(InputError, match=r"^X.* must be what the checkpoint"):
        TabularRegressor(**one).fit(other, NUMBER, resume=tmp_path)


def test_folders_that_cannot_be_used_are_refused(tmp_path) -> None:
    model = TabularRegressor(**SMALL)
    with pytest.raises(InputError, match="resume must be a folder with checkpoints"):
        model.fit(TABLE, NUMBER, resume=tmp_path)
    with pytest.raises(InputError, match="checkpoint must be None or a Checkpoint"):
        model.fit(TABLE, NUMBER, checkpoint="60s")
    other = Checkpoint(tmp_path / "other")
    with pytest.raises(InputError, match="checkpoint must be one of the folder that is resumed"):
        model.fit(TABLE, NUMBER, checkpoint=other, resume=tmp_path)
    assert not list(tmp_path.iterdir())
