"""One estimator is trained by one loop at a time: a later one ends those before it."""

import pickle
import threading

import numpy as np
import pytest

from chainrule import MLPClassifier, MLPRegressor
from chainrule.foundation.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

generator = np.random.default_rng(1)
X = generator.normal(size=(40, 3))
Y = X[:, 0] + 1.0
LATER = {
    "fit_epochs": lambda model: next(model.fit_epochs(X, Y)),
    "fit": lambda model: model.fit(X, Y),
    "partial_fit": lambda model: model.partial_fit(X, Y),
    "an ensemble": lambda model: model.set_params(n_estimators=2).fit(X, Y),
}
ENDED = r"^fit_epochs must be one call at a time on one estimator; .* ended after 2 epoch\(s\)"


def regressor(**options):
    return MLPRegressor(hidden_layer_sizes=(4,), max_iter=5, random_state=0, **options)


def seen(model):
    own = {name: value for name, value in vars(model).items() if name.endswith("_")}
    vectors = [one.parameters_.vector for one in own.pop("estimators_", [model])]
    own.pop("parameters_", None)
    return repr(own), [vector.tobytes() for vector in vectors]


def test_d90_a_fit_that_another_thread_ends_is_told_by_its_own_name():
    """The second call begins in a callback of the first, as a thread of its own."""

    def meanwhile(epoch):
        if not others:
            model.callbacks = None
            others.append(threading.Thread(target=lambda: model.fit(X, Y)))
            others[0].start()
            others[0].join()

    others = []
    model = regressor(callbacks=meanwhile)
    with pytest.raises(InputError, match=r"^fit must be one call at a time .* after 1 epoch\(s\)"):
        model.fit(X, Y)
    assert model.n_iter_ == 5  # of the other call


@pytest.mark.parametrize("later", LATER)
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_later_training_ends_an_earlier_loop(later, warm_start):
    model = regressor(warm_start=warm_start)
    first = model.fit_epochs(X, Y)
    next(first)
    next(first)
    LATER[later](model)
    before = seen(model)
    with pytest.raises(InputError, match=ENDED):
        next(first)
    assert seen(model) == before
    assert list(first) == []


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_later_loop_goes_on_as_if_alone(solver):
    model, alone = regressor(solver=solver), regressor(solver=solver).fit(X, Y)
    first = model.fit_epochs(X, Y)
    next(first)
    second = model.fit_epochs(X, Y)
    next(second)
    with pytest.raises(InputError):
        next(first)
    for _ in second:
        pass
    assert model.loss_curve_ == alone.loss_curve_
    assert model.stopped_because_ == alone.stopped_because_
    assert model.parameters_.vector.tobytes() == alone.parameters_.vector.tobytes()


def test_leaving_the_earlier_loop_changes_nothing():
    model = regressor()
    first = model.fit_epochs(X, Y)
    next(first)
    model.fit(X, Y)
    before = seen(model)
    first.close()
    assert seen(model) == before


def test_a_refused_call_and_a_loop_not_begun_end_nothing():
    model, alone = regressor(), regressor().fit(X, Y)
    first = model.fit_epochs(X, Y)
    next(first)
    model.fit_epochs(X, Y).close()
    with pytest.raises(ValueError, match="y contains NaN"):
        next(model.fit_epochs(X, np.full(40, np.nan)))
    pickle.loads(pickle.dumps(model)).fit(X, Y)
    for _ in first:
        pass
    assert model.loss_curve_ == alone.loss_curve_


def test_a_pass_inside_the_loop_ends_it_for_classes_too():
    model = MLPClassifier((4,), max_iter=5, random_state=0)
    loop = model.fit_epochs(X, Y > 1.0)
    next(loop)
    model.partial_fit(X, Y > 1.0)
    with pytest.raises(InputError, match="ended after 1 epoch"):
        next(loop)
    assert len(model.loss_curve_) == 2
