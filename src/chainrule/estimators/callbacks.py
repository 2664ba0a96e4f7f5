"""Callbacks after each epoch: user-defined functions, and scikit-learn's protocol."""

import copy
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Self, TypeAlias

import numpy as np
from sklearn.utils.metaestimators import available_if

from chainrule.estimators.samples import Given
from chainrule.training.epoch import Epoch

__all__ = [
    "Callback",
    "SupportsCallbacks",
    "Tasks",
    "callbacks_of",
    "has_callbacks",
    "is_true",
    "tell_scikit_learn",
]

# Called after an epoch; True ends training.
Callback: TypeAlias = Callable[[Epoch], Any]


def callbacks_of(estimator: Any) -> list[Callback]:
    """Return the functions in the option ``callbacks``."""
    callbacks = estimator.callbacks
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)


def is_true(answer: Any) -> bool:
    """Return whether a callback ends training: with True itself, not with any true value."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def _has_protocol(estimator: Any) -> bool:
    return find_spec("sklearn.callback") is not None


class SupportsCallbacks:
    """The callback protocol of scikit-learn 1.9 and later; older versions have none."""

    @available_if(_has_protocol)  # type: ignore[untyped-decorator]
    def set_callbacks(self, *callbacks: Any) -> Self:
        """Set callbacks of scikit-learn, as ``sklearn.callback.ProgressBar()``, for `fit`.

        Parameters
        ----------
        *callbacks
            Instances of scikit-learn's ``FitCallback`` protocol; none removes those set before.

        Returns
        -------
        self
        """
        from sklearn.callback import CallbackSupportMixin

        CallbackSupportMixin.set_callbacks(self, *callbacks)
        return self


class Tasks:
    """The tasks of a fit, by network and epoch; these report to nobody."""

    def begin(self, number: int) -> Callback:
        """Begin a network, numbered from 0, and return the callback for its epochs."""
        return lambda epoch: False

    def end(self, number: int) -> None:
        """End a network."""


class _ScikitLearnTasks(Tasks):
    """Tasks in scikit-learn's protocol: the epochs of a fit, or of each network of an ensemble."""

    def __init__(self, estimator: Any, **data: Any) -> None:
        from sklearn.callback import CallbackSupportMixin

        self._estimator, self._data = estimator, data
        count = int(estimator.n_estimators)
        self._fit = CallbackSupportMixin._init_callback_context(
            estimator,
            max_subtasks=estimator.max_iter if count == 1 else count,
            sequential_subtasks=count == 1,
        )
        self._networks = {0: self._fit} if count == 1 else {}
        self._begin(self._fit)

    def begin(self, number: int) -> Callback:
        epochs = self._estimator.max_iter
        if number not in self._networks:
            self._networks[number] = self._begin(
                self._fit.subcontext("network", task_id=number, max_subtasks=epochs)
            )
        network = self._networks[number]
        task = self._begin(network.subcontext("epoch"))
        made = 0

        def after(epoch: Epoch) -> bool:
            nonlocal task, made
            stop = self._end(task)
            made += 1
            if made < epochs and not stop:
                task = self._begin(network.subcontext("epoch"))
            return stop

        return after

    def end(self, number: int) -> None:
        if self._networks[number] is not self._fit:
            self._end(self._networks[number])

    def end_fit(self) -> None:
        self._end(self._fit)

    def _begin(self, context: Any) -> Any:
        return context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def _end(self, context: Any) -> bool:
        stop: bool = context.call_on_fit_task_end(
            estimator=self._estimator,
            **self._data,
            reconstruction_attributes=lambda: _shown(self._estimator),
        )
        return stop


def has_callbacks(estimator: Any) -> bool:
    """Return whether an estimator, or the pipeline around it, has callbacks of scikit-learn."""
    return hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")


def tell_scikit_learn(estimator: Any, train: Callable[[Tasks], None], given: Given) -> None:
    """Call ``train`` with the tasks of scikit-learn's callbacks: networks and epochs."""
    from sklearn.callback import with_callbacks

    data = {"X": given.X, "y": given.y}
    if given.sample_weight is not None:
        data["metadata"] = {"sample_weight": given.sample_weight}

    @with_callbacks  # type: ignore[untyped-decorator]
    def told(estimator: Any) -> None:
        tasks = _ScikitLearnTasks(estimator, **data)
        train(tasks)
        tasks.end_fit()

    told(estimator)


def _shown(estimator: Any) -> dict[str, Any]:
    """Return the attributes with which a copy predicts as if training had ended here."""
    if "estimators_" in estimator.__dict__:
        return {"estimators_": [copy.copy(member) for member in estimator.estimators_]}
    return {"parameters_": estimator.parameters_}
