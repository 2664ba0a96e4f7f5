"""scikit-learn's own test_mlp.py, as installed, run on our classes by a change of its import line.

Its tests are not ours to edit: those that cannot pass stand in the first two tables below, each
with the error that must come and the reason. A listed test that passes is an error, and so is an
unlisted one that fails. The third table is of tests that pass or fail by rounding, or by the seed.
"""

import functools
import importlib.util
from pathlib import Path

import pytest

IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
OURS = "from chainrule import MLPClassifier, MLPRegressor"
# The release whose file the tables were written for.
RELEASE = "1.9"

# as scikit-learn runs it: a warning is no error, except where a test says so
pytestmark = pytest.mark.filterwarnings("ignore")

# Tests that reach for names that are private to scikit-learn's implementation.
PRIVATE = {
    "test_fit": (
        "before it is fitted",
        (
            "builds a fitted estimator by hand from _coef_grads, _coef_velocity and more; the same "
            "numbers are in the tests of worked examples"
        ),
    ),
    "test_gradient": (
        "_loss_grad_lbfgs",
        "our gradient is compared with finite differences through `explain(...).check()`",
    ),
    "test_learning_rate_warmstart": ("_optimizer", "the rate of a step is `Epoch.learning_rate`"),
    "test_adaptive_learning_rate": ("_optimizer", "the rate of a step is `Epoch.learning_rate`"),
    "test_n_iter_no_change": (
        "_no_improvement_count",
        "the count of stale epochs is in `TrainingState.patience`",
    ),
    "test_n_iter_no_change_inf": ("_no_improvement_count", "the same count, after every epoch"),
}

# Tests of public names where ours is meant to differ.
DIFFERENT = {
    "test_nonfinite_params": (
        pytest.fail.Exception,
        "DID NOT RAISE",
        "divergence is a warning with epoch, step and rate, and leaves the last finite parameters",
    ),
    "test_warm_start": (
        pytest.fail.Exception,
        "DID NOT RAISE",
        "rows of some of the known classes are accepted; a new class is refused",
    ),
    "test_verbose_sgd": (AssertionError, None, "a line says 'epoch 1  loss ...', not 'Iteration'"),
    "test_early_stopping_stratified": (
        AssertionError,
        "Actual message: 'validation_fraction must hold out at least 2 rows",
        "refused as well, and in words that name the argument",
    ),
    "test_mlp_partial_fit_after_fit": (
        AssertionError,
        "Actual message: 'early_stopping must be False for partial_fit",
        "refused as well, and in words that name the argument",
    ),
    "test_minimum_input_sample_size": (
        AssertionError,
        "Actual message: 'validation_fraction must hold out at least 2 rows",
        "refused as well, and in words that name the argument",
    ),
    "test_mlp_diverging_loss": (
        AssertionError,
        None,
        "training stops at once when it diverges; no score of NaN is ever recorded",
    ),
}

# Tests that pass or not as the last bits or the draws of a seed fall, and the only error they may
# fail with. Shares are of the seeds 0 to 39, and then those of scikit-learn's own classes.
CHANCE = {
    "test_predict_proba_multilabel": (
        AssertionError,
        "Not equal to tolerance rtol=1e-07",
        (
            "our log-probabilities come from the scores; the logarithm of a rounded probability, "
            "which they are compared with, has lost digits wherever a label is surer than 1 - 1e-9"
        ),
    ),
    "test_partial_fit_unseen_classes": (
        AssertionError,
        "",
        "one row of four is to be right after two steps: so for 39 seeds of 40, and for 39 there",
    ),
    "test_mlp_regressor_dtypes_casting": (
        AssertionError,
        "Not equal to tolerance rtol=0.0005",
        "predictions near 0 are compared by relative error: right for 36 seeds of 40, and 37 there",
    ),
    "test_mlp_loading_from_joblib_partial_fit": (
        AssertionError,
        "Not equal to tolerance rtol=0.0001",
        "200 steps of Adam are to come within 1e-4: they do for 36 seeds of 40, and 38 there",
    ),
}


def _swapped():
    """Return the names of the installed file, run on our classes."""
    import sklearn

    if not sklearn.__version__.startswith(f"{RELEASE}."):
        pytest.skip(f"the tables are for scikit-learn {RELEASE}", allow_module_level=True)
    found = importlib.util.find_spec("sklearn.neural_network")
    path = Path(found.origin).parent / "tests" / "test_mlp.py"
    if not path.exists():
        pytest.skip("the installed scikit-learn has no tests", allow_module_level=True)
    text = path.read_text(encoding="utf-8")
    assert text.count(IMPORT) == 1
    names = {"__name__": "test_mlp_of_scikit_learn", "__file__": str(path)}
    exec(compile(text.replace(IMPORT, OURS), path, "exec"), names)
    return {name: value for name, value in names.items() if name.startswith("test_")}


def _failing(test, error, match):
    """Return the test that passes where this one fails as it is said to."""

    @functools.wraps(test)  # pytest reads parameters and marks through it
    def must_fail(*arguments, **options):
        with pytest.raises(error, match=match):
            test(*arguments, **options)

    return must_fail


def _by_chance(test, error, match):
    """Return the test that may fail, as it is said to."""

    @functools.wraps(test)
    def may_fail(*arguments, **options):
        try:
            test(*arguments, **options)
        except error as failure:
            if match not in str(failure):
                raise

    return may_fail


SWAPPED = _swapped()
for _name, _test in SWAPPED.items():
    if _name in PRIVATE:
        _test = _failing(_test, AttributeError, PRIVATE[_name][0])
    elif _name in DIFFERENT:
        _test = _failing(_test, *DIFFERENT[_name][:2])
    elif _name in CHANCE:
        _test = _by_chance(_test, *CHANCE[_name][:2])
    globals()[_name] = _test


@pytest.fixture
def global_random_seed():
    """Stand in for the fixture of scikit-learn's test configuration."""
    return 42


@pytest.fixture(autouse=True)
def _one_seed(monkeypatch):
    """Several of these tests leave random_state at None; ours must not depend on luck."""
    monkeypatch.setattr("chainrule.foundation.seeds.secrets.randbits", lambda bits: 1)


def test_the_tables_name_tests_of_the_file():
    assert set(PRIVATE) <= set(SWAPPED)
    assert set(DIFFERENT) <= set(SWAPPED)
    assert set(CHANCE) <= set(SWAPPED)
    assert len({*PRIVATE, *DIFFERENT, *CHANCE}) == len(PRIVATE) + len(DIFFERENT) + len(CHANCE)
    assert len(SWAPPED) >= 40


def test_every_difference_has_a_reason():
    for *_, reason in [*PRIVATE.values(), *DIFFERENT.values(), *CHANCE.values()]:
        assert len(reason.split()) >= 5
