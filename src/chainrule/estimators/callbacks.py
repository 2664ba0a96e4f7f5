"""Who is told of each epoch: functions of people's own, and scikit-learn's callbacks."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from sklearn.utils.metaestimators import available_if

from chainrule.training.loop import Epoch

if TYPE_CHECKING:
    from chainrule.estimators.fitting import FittingMLP

__all__ = ["Callback", "SupportsCallbacks", "callbacks_of", "tell_scikit_learn"]

# Called after an epoch; True ends training.
Callback: TypeAlias = Callable[[Epoch], Any]


def callbacks_of(estimator: Any) -> list[Callback]:
    """Return the functions that the option ``callbacks`` holds."""
    callbacks = estimator.callbacks
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)


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


def tell_scikit_learn(
    estimator: "FittingMLP",
    train: Callable[[Sequence[Callback]], None],
    X: Any,
    y: Any,
    sample_weight: Any,
) -> None:
    """Call ``train`` with what is to be told of each epoch: a task of scikit-learn's protocol.

    An estimator without such callbacks, in no pipeline that has some, has nothing to tell.
    """
    if not (hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")):
        train([])
        return
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    data = {"estimator": estimator, "X": X, "y": y}
    if sample_weight is not None:
        data["metadata"] = {"sample_weight": sample_weight}

    @with_callbacks  # type: ignore[untyped-decorator]
    def told(estimator: "FittingMLP") -> None:
        epochs = estimator.max_iter
        fit = CallbackSupportMixin._init_callback_context(estimator, max_subtasks=epochs)
        fit.call_on_fit_task_begin(**data)
        task = fit.subcontext(task_name="epoch").call_on_fit_task_begin(**data)
        made = 0

        def after(epoch: Epoch) -> bool:
            nonlocal task, made
            stop: bool = task.call_on_fit_task_end(
                **data, reconstruction_attributes=lambda: _shown(estimator)
            )
            made += 1
            if made < epochs and not stop:
                task = fit.subcontext(task_name="epoch").call_on_fit_task_begin(**data)
            return stop

        train([after])
        fit.call_on_fit_task_end(**data, reconstruction_attributes=lambda: _shown(estimator))

    told(estimator)


def _shown(estimator: "FittingMLP") -> dict[str, Any]:
    """Return what a copy of the estimator needs to predict as if training had ended here."""
    return {"parameters_": estimator.parameters_, "_engine": estimator._engine}
