"""What classifier and regressor share: from arrays and options to a fitted network.

A fit is a plain loop over the epochs of `train_rows`; the estimator is fitted after each of them.
"""

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.estimators.ingredients import (
    LBFGS_NAME,
    check_options,
    make_schedule,
    solver_of,
)
from chainrule.estimators.running import RunningMLP
from chainrule.estimators.validation import with_held_out_rows
from chainrule.formulas.loss import checked_weight
from chainrule.foundation.errors import DivergenceError, DivergenceWarning, InputError
from chainrule.training.loop import Epoch

if TYPE_CHECKING:
    from chainrule.insight.explanation import Explanation

__all__ = ["FittingMLP", "steps_by_batches"]


def steps_by_batches(estimator: RunningMLP) -> bool:
    if solver_of(estimator) == LBFGS_NAME:
        raise AttributeError("partial_fit is not there with solver='lbfgs', which needs all rows.")
    return True


class FittingMLP(RunningMLP):
    """A network that learns from arrays, as scikit-learn's estimators do."""

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train on all rows until the loss stops falling, or for ``max_iter`` epochs.

        Parameters
        ----------
        X : array, data frame or sparse matrix (n_samples, n_features)
            Inputs, finite numbers.
        y : array (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array (n_samples,), optional
            Weights, not negative; 0 is an absent row. The loss is sum(w l) / sum(w).
        X_val, y_val : arrays, optional
            Rows of your own to measure on after every epoch: training stops when they no longer
            get better, and the best parameters are kept.

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` epochs, or ``max_fun`` evaluations, were not enough.
        DivergenceWarning
            If the loss left the finite numbers, or rose a million times; the estimator then holds
            the last good parameters.

        Raises
        ------
        InputError
            A ValueError that names the argument, its value and what to do.
        """
        self._follow(self.fit_epochs(X, y, sample_weight, X_val=X_val, y_val=y_val), stacklevel=3)
        limit = {
            "max_iter": f"max_iter={self.max_iter} epochs",
            "max_fun": f"max_fun={self.max_fun} evaluations of the gradient",
        }.get(self.stopped_because_)
        if limit is not None and not make_schedule(self).needs_total:
            warnings.warn(
                f"training stopped after {limit} while the "
                f"{'validation score' if self.validation_scores_ else 'loss'} was still getting "
                f"better. Raise {self.stopped_because_}, or tol.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def fit_epochs(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Iterator[Epoch]:
        """Train as `fit` does, and yield an `Epoch` after each pass over the rows.

        The estimator is fitted whenever the loop has control, and stays so when it is left early.

        Raises
        ------
        DivergenceError
            At once when the loss left the finite numbers, or rose a million times; the estimator
            then holds the last good parameters.
        """
        check_options(self)
        anew = not (self.warm_start and hasattr(self, "parameters_"))
        X, y, weight = self._taken_in(X, y, sample_weight, anew)
        if not anew:
            self._check_continued(y)
        X, y, weight, held_out = with_held_out_rows(self, X, y, weight, X_val, y_val)
        rows = self._rows(X, y, weight, smoothing=self.label_smoothing)
        yield from self._epochs(rows, held_out, self.max_iter)

    @available_if(steps_by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass over the rows given, from where the last call or fit ended.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        self
        """
        return self._pass_over(X, y, sample_weight)

    def _pass_over(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        check_options(self)
        if self.early_stopping:
            raise InputError(
                "early_stopping must be False for partial_fit, which sees no rows to hold out; "
                "got True. Set it to False, or call fit."
            )
        if make_schedule(self).needs_total:
            raise InputError(
                f"learning_rate must be a schedule without a planned end for partial_fit; got "
                f"{self.learning_rate!r}. Choose 'constant', or call fit."
            )
        anew = not hasattr(self, "parameters_")
        X, y, weight = self._taken_in(X, y, sample_weight, anew, classes)
        rows = self._rows(X, y, weight, smoothing=self.label_smoothing)
        self._follow(self._epochs(rows, None, 1, stops=False), stacklevel=4)
        self.n_iter_ = self._state.epoch
        return self

    def _follow(self, epochs: Iterator[Epoch], stacklevel: int) -> None:
        """Run to the end, a line per epoch where asked for, and turn divergence into a warning."""
        try:
            for epoch in epochs:
                if self.verbose:
                    print(epoch)
        except DivergenceError as error:
            warnings.warn(str(error), DivergenceWarning, stacklevel=stacklevel)

    def _taken_in(
        self, X: Any, y: Any, sample_weight: Any, anew: bool, classes: Any = None
    ) -> tuple[Any, Any, np.ndarray | None]:
        """Return checked inputs, targets and weights; begin with them where there is no state."""
        X, y = self._checked(X, y, reset=anew)
        weight = _checked_weight(sample_weight, X.shape[0])
        self._learn_weights(y, weight, anew, classes)
        weight = self._weighted(y, weight)
        if anew:
            self._begin(X, y, weight, classes)
        return X, y, weight

    def explain(self, X: Any, y: Any, sample_weight: Any = None) -> "Explanation":
        """Return the chain rule of any weight on these rows, in symbols and numbers.

        What is explained is the network as it was trained: on standardised or smoothed targets,
        with the memory of the optimizer at its next step.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        Explanation
            ``explain(X, y).weight(layer=1, unit=0, to=0)`` is one weight's chain rule.
        """
        from chainrule.estimators.explaining import explanation_of

        check_is_fitted(self, "parameters_")
        X, y = self._checked(X, y, reset=False)
        weight = self._weighted(y, _checked_weight(sample_weight, X.shape[0]))
        rows = self._rows(X, y, weight, smoothing=self.label_smoothing)
        return explanation_of(self, rows)

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return inputs and targets as arrays of one length; finiteness of X is seen later."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        X, y = validate_data(
            self,
            X,
            y,
            reset=reset,
            accept_sparse="csr",
            multi_output=True,
            ensure_all_finite=False,
        )
        return X, self._prepared(y)


def _checked_weight(sample_weight: Any, n: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight: np.ndarray = checked_weight(np.asarray(sample_weight), n, np.empty(0))
    return weight
