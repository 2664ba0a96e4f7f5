"""A fit that was ended goes on from its checkpoint to the same bits, or is refused by name."""

import warnings

import numpy as np
import pytest
import scipy.sparse

from chainrule import Checkpoint, MLPClassifier, MLPRegressor, optimizers
from chainrule.estimators.base import run_of
from chainrule.foundation.errors import FileFormatError, InputError

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(60, 3))
SIDE = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
NUMBER = X @ [1.0, -2.0, 0.5] * 100 + 500
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 8, "engine": "reference", "random_state": 3}
CURVES = ("loss_curve_", "penalty_curve_", "validation_loss_curve_", "validation_scores_")
VALUES = ("n_iter_", "t_", "stopped_because_", "train_loss_", "best_loss_", "seed_", "loss_")


class EndedError(Exception):
    """The end of a process, as a test can survive it."""


def ended_at(epoch, member=None):
    """Return a callback that ends a fit in an epoch, before its checkpoint is written."""

    def end(made):
        if made.number == epoch and made.member in (None, member):
            raise EndedError

    return end


def fitted(kind, options, *, end=None, folder=None, every=1, resume=None, **given):
    callbacks = [] if end is None else [end]
    if folder is not None:
        callbacks.append(Checkpoint(folder, every=every))
    model = kind(callbacks=callbacks, **SMALL | options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, SIDE if kind is MLPClassifier else NUMBER, resume=resume, **given)


def same(one, other):
    for ours, theirs in zip(networks(one), networks(other), strict=True):
        for name in (*CURVES, *VALUES):
            ours_value, theirs_value = getattr(ours, name), getattr(theirs, name)
            assert repr(ours_value) == repr(theirs_value), name
        assert ours.parameters_.vector.tobytes() == theirs.parameters_.vector.tobytes()
        state, its = run_of(ours).state, run_of(theirs).state
        assert state.vector.tobytes() == its.vector.tobytes()
        assert [slot.tobytes() for slot in state.slots] == [slot.tobytes() for slot in its.slots]
        for name in ("step", "epoch", "learning_rate", "first_loss", "patience", "evaluations"):
            assert repr(getattr(state, name)) == repr(getattr(its, name)), name
    assert one.predict(X).tobytes() == other.predict(X).tobytes()


def networks(model):
    return getattr(model, "estimators_", [model])


CASES = [
    (MLPClassifier, {}),
    (MLPClassifier, {"learning_rate": "one_cycle", "dropout": 0.3, "dtype": "float32"}),
    (MLPClassifier, {"early_stopping": True, "n_iter_no_change": 6, "max_iter": 30}),
    (MLPClassifier, {"early_stopping": True, "monitor": "loss", "class_weight": "balanced"}),
    (MLPClassifier, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5}),
    (MLPClassifier, {"batch_size": "noise", "averaging": 0.5, "label_smoothing": 0.1}),
    (MLPClassifier, {"n_estimators": 3, "early_stopping": True}),
    (MLPRegressor, {"alpha": 0.1, "clip_norm": 0.5}),
    (MLPRegressor, {"solver": optimizers.get("rmsprop", weight_decay=0.1)}),
    (MLPRegressor, {"solver": "lbfgs", "max_iter": 30}),
    (MLPRegressor, {"solver": "lbfgs", "max_fun": 9, "max_iter": 30}),
    (MLPRegressor, {"engine": "compiled", "random_state": None}),
]


@pytest.mark.grid(11)
@pytest.mark.parametrize(("kind", "options"), CASES, ids=repr)
@pytest.mark.parametrize("epoch", [1, 6])
def test_a_fit_goes_on_to_the_same_bits(tmp_path, kind, options, epoch) -> None:
    if epoch > 1 and options.get("max_fun"):
        epoch = 3
    folder, whole = tmp_path / "run", tmp_path / "whole"
    with pytest.raises(EndedError):
        fitted(kind, options, end=ended_at(epoch, member=2), folder=folder)
    again = fitted(kind, options, folder=folder, resume=folder)
    if options.get("random_state", 0) is None:  # the seed of the checkpoint was taken
        options = options | {"random_state": again.seed_}
    expected = fitted(kind, options, folder=whole)
    same(again, expected)
    # what is trained is not trained again
    same(fitted(kind, options, end=ended_at(1, member=2), resume=folder), expected)


@pytest.mark.parametrize("every", [3, "1h"])
def test_files_are_written_when_they_are_due(tmp_path, every) -> None:
    with pytest.raises(EndedError):
        fitted(MLPRegressor, {}, end=ended_at(6), folder=tmp_path, every=every)
    again = MLPRegressor(**SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        epochs = [one.number for one in again.fit_epochs(X, NUMBER, resume=tmp_path)]
    assert epochs == list(range(4 if every == 3 else 1, 9))
    same(again, fitted(MLPRegressor, {}))


def test_a_divergence_right_after_a_checkpoint_goes_back_as_it_would_have(tmp_path) -> None:
    options = {"solver": "sgd", "learning_rate_init": 0.9, "learning_rate": "constant"}
    options |= {"momentum": 0.0, "max_iter": 400, "n_iter_no_change": 400, "activation": "relu"}
    expected = fitted(MLPRegressor, options)
    assert expected.stopped_because_ == "divergence"
    last = len(expected.loss_curve_)
    for epoch in {max(1, last - 1), last}:
        folder = tmp_path / str(epoch)
        with pytest.raises(EndedError):
            fitted(MLPRegressor, options, end=ended_at(epoch), folder=folder)
        same(fitted(MLPRegressor, options, resume=folder), expected)


def test_own_rows_weights_and_sparse_inputs_are_known_again(tmp_path) -> None:
    given = {"X_val": X[:9], "y_val": NUMBER[:9], "sample_weight": np.linspace(0.1, 1.0, 60)}
    with pytest.raises(EndedError):
        fitted(MLPRegressor, {}, end=ended_at(3), folder=tmp_path, **given)
    same(fitted(MLPRegressor, {}, resume=tmp_path, **given), fitted(MLPRegressor, {}, **given))
    for name, value in (("sample_weight", None), ("X_val", X[1:10])):
        told = "sample_weight" if name == "sample_weight" else "the rows held out"
        with pytest.raises(InputError, match=f"^{told} must be what the checkpoint"):
            fitted(MLPRegressor, {}, resume=tmp_path, **given | {name: value})
    sparse = scipy.sparse.csr_matrix(X * (X > 0))
    with pytest.raises(EndedError):
        MLPRegressor(callbacks=[ended_at(3), Checkpoint(tmp_path, every=1)], **SMALL).fit(
            sparse, NUMBER
        )
    with pytest.raises(InputError, match=r"^X must be what the checkpoint"):
        MLPRegressor(**SMALL).fit(sparse[::-1], NUMBER, resume=tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = MLPRegressor(**SMALL).fit(sparse, NUMBER, resume=tmp_path)
        same(again, MLPRegressor(**SMALL).fit(sparse, NUMBER))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 0.5}, r"alpha must be 0\.0001, as in the checkpoint .*; got 0\.5"),
        ({"hidden_layer_sizes": (5,)}, r"hidden_layer_sizes must be \[4\]"),
        ({"random_state": 4}, "random_state must be 3"),
        ({"max_iter": 9}, "max_iter must be 8"),
        ({"solver": optimizers.get("adam", beta_1=0.5)}, "solver must be 'adam'"),
    ],
)
def test_other_options_are_refused_by_name(tmp_path, options, message) -> None:
    fitted(MLPRegressor, {}, folder=tmp_path)
    with pytest.raises(InputError, match=message):
        fitted(MLPRegressor, options, resume=tmp_path)


def test_other_targets_and_another_estimator_are_refused(tmp_path) -> None:
    fitted(MLPRegressor, {}, folder=tmp_path)
    with pytest.raises(InputError, match=r"^y must be what the checkpoint"):
        MLPRegressor(**SMALL).fit(X, NUMBER[::-1], resume=tmp_path)
    with pytest.raises(FileFormatError, match="must be a checkpoint of MLPClassifier"):
        fitted(MLPClassifier, {}, resume=tmp_path)


def test_a_refused_fit_leaves_estimator_and_files_as_they_were(tmp_path, contents) -> None:
    fitted(MLPRegressor, {}, folder=tmp_path)
    model = fitted(MLPRegressor, {})
    before, files = contents(model), [path.read_bytes() for path in tmp_path.iterdir()]
    with pytest.raises(InputError, match=r"^y must be what the checkpoint"):
        model.fit(X, NUMBER[::-1], resume=tmp_path)
    assert contents(model) == before
    assert [path.read_bytes() for path in tmp_path.iterdir()] == files


def test_a_new_fit_replaces_the_files_of_an_earlier_one(tmp_path) -> None:
    fitted(MLPClassifier, {"n_estimators": 3}, folder=tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / ".chainrule-0123456789abcdef.part").write_text("of a killed writer")
    fitted(MLPRegressor, {}, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "network-1.checkpoint"]


@pytest.mark.parametrize("every", [0, -1, True, 1.5, "soon", "60", None])
def test_a_period_that_is_none_is_refused(every) -> None:
    with pytest.raises(InputError, match="every must be a positive number of epochs, or a time"):
        Checkpoint("run", every=every)


def test_folders_that_cannot_be_used_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="resume must be a folder with checkpoints"):
        fitted(MLPRegressor, {}, resume=tmp_path)
    with pytest.raises(InputError, match="resume must be None, or the folder"):
        fitted(MLPRegressor, {}, resume=3)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="the folder of a Checkpoint must be one that can be"):
        fitted(MLPRegressor, {}, folder=tmp_path / "file")
    model = fitted(MLPRegressor, {"warm_start": True})
    model.callbacks = Checkpoint(tmp_path / "run")
    with pytest.raises(InputError, match="warm_start must be False where a fit has checkpoints"):
        model.fit(X, NUMBER)


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:300] + b"x" + b[301:]])
def test_a_damaged_checkpoint_is_refused(tmp_path, change) -> None:
    fitted(MLPRegressor, {}, folder=tmp_path)
    path = tmp_path / "network-1.checkpoint"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FileFormatError, match="is damaged"):
        fitted(MLPRegressor, {}, resume=tmp_path)
