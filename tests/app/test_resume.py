"""`chainrule fit --checkpoint` and `--resume`: a killed fit goes on to the same model."""

import numpy as np
import pytest

from chainrule import load
from chainrule.app.table_models import read_table_model
from chainrule.estimators import fitting

FIT = ("fit", "flats.parquet", "--target", "rent", "--no-plot", "--engine", "reference")
FIT += ("--epochs", "4", "--n-folds", "2", "--seed", "1")


def vectors(path):
    return [one.estimator.parameters_.vector.tobytes() for one in load(path).members_]


def end(chainrule, monkeypatch, epochs, *words):
    """Fit, and end after so many epochs, as a killed process would."""
    real, left = fitting.record, [epochs]

    def record(*given):
        left[0] -= 1
        if left[0] == 0:
            raise RuntimeError("ended")
        real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "record", record)
        with pytest.raises(RuntimeError, match="ended"):
            chainrule(*FIT, "--out", "a.chainrule", "--checkpoint", "run", "--every", "1", *words)


@pytest.fixture
def ended(chainrule, folder, flats, monkeypatch):
    """A fit that ends in the sixth of its epochs."""
    flats.write_parquet("flats.parquet")
    end(chainrule, monkeypatch, 6)
    return "run"


def test_a_fit_goes_on_to_the_same_model(chainrule, ended) -> None:
    assert chainrule(*FIT, "--out", "whole.chainrule").code == 0
    answer = chainrule(*FIT, "--out", "a.chainrule", "--resume", ended)
    assert answer.code == 0, answer.err
    assert vectors("a.chainrule") == vectors("whole.chainrule")
    ours, theirs = load("a.chainrule"), load("whole.chainrule")
    assert np.array_equal(ours.oof_prediction_, theirs.oof_prediction_, equal_nan=True)


@pytest.mark.slow
@pytest.mark.grid(2)
@pytest.mark.parametrize("epochs", [6, 10])
def test_a_last_fit_on_all_rows_follows_it(chainrule, folder, flats, monkeypatch, epochs) -> None:
    """Of 8 epochs; ended after 10, all networks are kept, and the last fit begins again."""
    flats.write_parquet("flats.parquet")
    assert chainrule(*FIT, "--out", "whole.chainrule", "--fit-all").code == 0
    end(chainrule, monkeypatch, epochs, "--fit-all")
    answer = chainrule(*FIT, "--out", "a.chainrule", "--fit-all", "--resume", "run")
    assert answer.code == 0, answer.err
    assert "training again on all 300 rows" in answer.out
    assert vectors("a.chainrule") == vectors("whole.chainrule")
    ours, theirs = (read_table_model(f"{name}.chainrule").training for name in ("a", "whole"))
    assert ours["results"] == theirs["results"]


@pytest.mark.grid(9)
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--resume", "run", "--dropout", "0.3"), "dropout"),
        (("--resume", "run", "--seed", "2"), "must be 1, as in the checkpoint"),
        (("--resume", "none"), "folder with checkpoints"),
        (("--resume", "run", "--checkpoint", "other"), "--checkpoint must be the folder of"),
        (("--checkpoint", "run"), "--checkpoint must be a folder without checkpoints"),
        (("--every", "5s"), "--every must be given with --checkpoint or --resume"),
        (("--checkpoint", "new", "--every", "soon"), "--every must be a positive number of"),
    ],
)
def test_other_flags_are_refused_by_name(chainrule, ended, flags, words) -> None:
    answer = chainrule(*FIT, "--out", "a.chainrule", *flags)
    assert answer.code == 2
    assert words in answer.err
