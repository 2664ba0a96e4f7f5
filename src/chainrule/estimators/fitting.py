"""What classifier and regressor share: from arrays and options to a fitted network.

A fit is a plain loop over the epochs of `train_rows`; the estimator is fitted after each of them.
"""

import math
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.engines.engine import Rows, choose_engine
from chainrule.estimators.base import BaseMLP
from chainrule.estimators.options import (
    LBFGS_NAME,
    check_options,
    choose_batch_size,
    hidden_widths,
    make_optimizer,
    make_schedule,
    solver_of,
)
from chainrule.estimators.refusal import unchanged_if_refused
from chainrule.formulas.loss import Loss, checked_weight
from chainrule.foundation.errors import DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import as_seed
from chainrule.model.network import Network
from chainrule.model.objective import Objective
from chainrule.training.lbfgs import LBFGS, train_lbfgs
from chainrule.training.loop import Epoch, train_rows
from chainrule.training.monitor import Metric
from chainrule.training.sources import held_out_rows, make_rows
from chainrule.training.state import TrainingState
from chainrule.training.stopping import Patience

if TYPE_CHECKING:
    from chainrule.insight.explanation import Explanation

__all__ = ["FittingMLP", "steps_by_batches"]


def steps_by_batches(estimator: BaseMLP) -> bool:
    if solver_of(estimator) == LBFGS_NAME:
        raise AttributeError("partial_fit is not there with solver='lbfgs', which needs all rows.")
    return True


class FittingMLP(BaseMLP):
    """A network that learns: what subclasses add is the meaning of their targets."""

    # What a subclass says of its targets.

    def _learn_targets(
        self, y: Any, weight: np.ndarray | None, classes: Any = None
    ) -> tuple[Loss, int]:
        """Learn labels or scale from the first data; return the loss and the number of scores."""
        raise NotImplementedError

    def _prepared(self, y: Any) -> np.ndarray:
        """Return targets as an array of the kind that the methods below take; once per call."""
        raise NotImplementedError

    def _check_continued(self, y: Any) -> None:
        """Refuse prepared targets that a warm start cannot go on with."""

    def _encode(self, y: Any) -> np.ndarray:
        """Return targets as the loss takes them; refuse those that do not fit the first data."""
        raise NotImplementedError

    def _strata(self, y: Any) -> np.ndarray | None:
        """Return the labels whose shares a split keeps, if any."""
        raise NotImplementedError

    def _metric(self, loss: Loss, weight: np.ndarray | None) -> Metric:
        """Return the score of this estimator as a function of scores and encoded targets."""
        raise NotImplementedError

    def _fold(self, vector: np.ndarray) -> np.ndarray:
        """Return trained parameters in the user's units, in an array of their own."""
        return np.array(vector)

    def _unfold(self, vector: np.ndarray) -> np.ndarray:
        """Return the parameters that `_fold` turns into these."""
        return np.array(vector)

    # The loss in the user's units is this many times the loss trained on.
    _loss_factor = 1.0
    # About the loss trained on of the best constant answer: what `tol` is relative to.
    _loss_unit = 1.0

    # Fitting.

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
        limits = {"max_iter": "epochs", "max_fun": "evaluations of the gradient"}
        reason = self.stopped_because_
        if reason in limits and not make_schedule(self).needs_total:
            warnings.warn(
                f"training stopped after {reason}={getattr(self, reason)} {limits[reason]} while "
                f"the {'validation score' if self.validation_scores_ else 'loss'} was still "
                f"getting better. Raise {reason}, or tol.",
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
        with unchanged_if_refused(self):
            check_options(self)
            anew = not (self.warm_start and hasattr(self, "parameters_"))
            X, y, weight = self._taken_in(X, y, sample_weight, anew)
            if not anew:
                self._check_continued(y)
            held_out = None
            if X_val is not None or y_val is not None:
                if X_val is None or y_val is None:
                    raise InputError("X_val and y_val must be given together; one is None.")
                X_val, y_val = self._checked(X_val, y_val, reset=False)
                held_out = self._rows(X_val, y_val, None, names=("X_val", "y_val"))
            elif self.early_stopping:
                labels = self._strata(y)
                kept, held = held_out_rows(
                    X.shape[0], self.validation_fraction, self._state.seed, labels
                )
                held_weight = None if weight is None else weight[held]
                held_out = self._rows(X[held], y[held], held_weight)
                X, y = X[kept], y[kept]
                weight = None if weight is None else weight[kept]
            rows = self._rows(X, y, weight)
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
        with unchanged_if_refused(self):
            anew = not hasattr(self, "parameters_")
            X, y, weight = self._taken_in(X, y, sample_weight, anew, classes)
            rows = self._rows(X, y, weight)
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
        if anew:
            self._begin(X, y, weight, classes)
        return X, y, weight

    def explain(self, X: Any, y: Any, sample_weight: Any = None) -> "Explanation":
        """Return the chain rule of any weight on these rows, in symbols and numbers.

        What is explained is the network as it was trained: for a regressor on standardised
        targets, with the memory of the optimizer at its next step.

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
        return explanation_of(self, self._rows(X, y, _checked_weight(sample_weight, X.shape[0])))

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """Return inputs and targets as arrays of one length; finiteness of X is seen later."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        options = {"accept_sparse": "csr", "multi_output": True, "ensure_all_finite": False}
        with np.errstate(all="ignore"):  # checks overflow on numbers that they then refuse
            X, y = validate_data(self, X, y, reset=reset, **options)
            return X, self._prepared(y)

    def _begin(self, X: Any, y: Any, weight: np.ndarray | None, classes: Any = None) -> None:
        """Build the network and its starting state from the first data."""
        loss, self.n_outputs_ = self._learn_targets(y, weight, classes)
        widths = [X.shape[1], *hidden_widths(self.hidden_layer_sizes), self.n_outputs_]
        network = Network.of_widths(widths, self.activation)
        dtype = self.dtype or (np.float32 if X.dtype in (np.float32, np.float16) else np.float64)
        seed = as_seed(self.random_state)
        self._state = TrainingState.start(network, make_optimizer(self), seed=seed, dtype=dtype)
        if solver_of(self) == LBFGS_NAME:
            self._state.slots, self._state.optimizer = (), dict(LBFGS)
        self.network_ = network
        self.objective_ = Objective.with_strengths(network, loss, l2=self.alpha)
        self.seed_ = seed
        self.t_ = 0
        self.n_layers_ = len(network.layers) + 1
        link = loss.link
        self.out_activation_ = link.aliases[0] if link.aliases else link.name
        self.loss_curve_, self.penalty_curve_ = [], []
        self.batch_size_reason_: str | None = None
        self.validation_loss_curve_ = self.validation_scores_ = None
        self.loss_ = math.nan
        self.best_loss_: float | None = None
        self.best_validation_score_: float | None = None
        self.parameters_ = network.parameters(self._fold(self._state.vector))

    def _rows(self, X: Any, y: Any, weight: Any, names: tuple[str, str] = ("X", "y")) -> Rows:
        columns = getattr(self, "feature_names_in_", None)
        return make_rows(
            self.objective_,
            X,
            self._encode(y),
            weight,
            like=self._state.vector,
            names=names,
            columns=columns,
        )

    def _epochs(
        self, rows: Rows, held_out: Rows | None, epochs: int, stops: bool = True
    ) -> Iterator[Epoch]:
        """Train, and keep the estimator fitted after every epoch."""
        state = self._state
        self._take_over_changes()
        self.objective_ = Objective.with_strengths(
            self.network_, self.objective_.loss, l2=self.alpha
        )
        engine = choose_engine(self.engine, self.objective_, make_optimizer(self), self.n_threads)
        self._engine = engine
        patience = None if self.n_iter_no_change == math.inf else int(self.n_iter_no_change)
        metric, monitor = None, "loss"
        if held_out is None:
            state.best = None
        else:
            metric = self._metric(self.objective_.loss, held_out.weight)
            monitor = "metric" if self.monitor == "score" else "validation_loss"
            if self.validation_scores_ is None:
                self.validation_loss_curve_, self.validation_scores_ = [], []
        if getattr(self, "_monitored", monitor) != monitor:
            state.patience = Patience()
        self._monitored = monitor
        shared: dict[str, Any] = {
            "epochs": epochs,
            "validation": held_out,
            "metric": metric,
            "patience": patience if stops else None,
            "tolerance": self.tol * (1.0 if monitor == "metric" else self._loss_unit),
            "monitor": monitor,
        }
        if solver_of(self) == LBFGS_NAME:
            self.batch_size_ = len(rows)
            run = train_lbfgs(
                engine,
                rows,
                state,
                max_evaluations=self.max_fun,
                gradient_tolerance=self.tol,
                **shared,
            )
        else:
            self.batch_size_, self.batch_size_reason_ = choose_batch_size(self, engine, rows)
            run = train_rows(
                engine,
                rows,
                state,
                learning_rate=float(self.learning_rate_init),
                batch_size=self.batch_size_,
                schedule=make_schedule(self),
                shuffle=bool(self.shuffle),
                **shared,
            )
        self.n_iter_ = 0
        self.stopped_because_ = "interrupted"
        evaluations = 0
        try:
            for epoch in run:
                evaluations += epoch.steps
                self._record(epoch)
                yield epoch.in_units(self._loss_factor)
            spent = solver_of(self) == LBFGS_NAME and evaluations > self.max_fun
            self.stopped_because_ = (
                "max_iter" if self.n_iter_ == epochs else "max_fun" if spent else "no_improvement"
            )
        except DivergenceError:
            self.stopped_because_ = "divergence"
            raise
        finally:
            self._publish()

    def _take_over_changes(self) -> None:
        """Go on from parameters that a person has edited, and with a rate that was set anew."""
        state = self._state
        rate = float(self.learning_rate_init)
        if getattr(self, "_rate_seen", rate) != rate:
            state.learning_rate = rate
        self._rate_seen = rate
        known = self._fold(state.best_parameters.vector)
        if not np.array_equal(known, self.parameters_.vector, equal_nan=True):
            state.vector = self._unfold(self.parameters_.vector)
            state.best = None

    def _record(self, epoch: Epoch) -> None:
        self.n_iter_ += 1
        self.t_ += epoch.rows
        self.loss_ = epoch.loss * self._loss_factor
        self.loss_curve_.append(self.loss_)
        self.penalty_curve_.append(epoch.penalty * self._loss_factor)
        if epoch.validation_loss is not None:
            assert self.validation_loss_curve_ is not None
            assert self.validation_scores_ is not None
            assert epoch.metric is not None
            self.validation_loss_curve_.append(epoch.validation_loss * self._loss_factor)
            self.validation_scores_.append(epoch.metric)
            best = self.best_validation_score_
            self.best_validation_score_ = epoch.metric if best is None else max(best, epoch.metric)
        if self.validation_scores_:
            self.best_loss_ = None
        else:
            self.best_loss_ = min(
                self.loss_, math.inf if self.best_loss_ is None else self.best_loss_
            )
        self._publish()

    def _publish(self) -> None:
        """Show the parameters of the state in the user's units."""
        self.parameters_ = self.network_.parameters(self._fold(self._state.best_parameters.vector))


def _checked_weight(sample_weight: Any, n: int) -> np.ndarray | None:
    if sample_weight is None:
        return None
    weight: np.ndarray = checked_weight(np.asarray(sample_weight), n, np.empty(0))
    return weight
