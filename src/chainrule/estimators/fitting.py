"""What classifier and regressor share: from arrays and options to a fitted network.

A fit is a plain loop over the epochs of `train_rows`; the estimator is fitted after each of them.
"""

import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from chainrule.estimators.callbacks import Callback, SupportsCallbacks, Tasks, tell_scikit_learn
from chainrule.estimators.checking import (
    check_for_passes,
    check_options,
    check_unchanged,
    warn_without_effect,
)
from chainrule.estimators.data_warnings import answer_remarks, input_remarks, target_remarks
from chainrule.estimators.endings import unfinished
from chainrule.estimators.ensemble import fit_members, pass_members
from chainrule.estimators.ingredients import (
    LBFGS_NAME,
    falls_at_plateaus,
    make_schedule,
    solver_of,
)
from chainrule.estimators.inputs import as_targets, as_weights
from chainrule.estimators.progress import shown
from chainrule.estimators.refusal import unchanged_if_refused
from chainrule.estimators.running import RunningMLP
from chainrule.estimators.samples import Samples
from chainrule.estimators.validation import check_held_out, divided, own_validation
from chainrule.formulas.loss import checked_weight, relative_weight
from chainrule.foundation.errors import DataWarning, DivergenceError, DivergenceWarning, InputError
from chainrule.foundation.seeds import as_seed
from chainrule.model.parameters import Parameters
from chainrule.training.epoch import Epoch
from chainrule.training.run import Run

if TYPE_CHECKING:
    from chainrule.insight.explanation import Explanation

__all__ = ["FittingMLP", "steps_by_batches"]


def steps_by_batches(estimator: RunningMLP) -> bool:
    if solver_of(estimator) == LBFGS_NAME:
        raise AttributeError("partial_fit is not there with solver='lbfgs', which needs all rows.")
    return True


class FittingMLP(SupportsCallbacks, RunningMLP):
    """A network that learns from arrays, as scikit-learn's estimators do."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
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
        X_val, y_val, sample_weight_val : arrays, optional
            Rows of your own to measure on after every epoch: training stops when they no longer
            get better, and the best parameters are kept.
        groups : array (n_samples,), optional
            The group of each row, as a patient or a shop: where ``early_stopping`` holds rows out,
            no group is on both sides.

        Returns
        -------
        self

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` epochs, or ``max_fun`` evaluations, were not enough.
        DataWarning
            If features are of very different size or far from 0, or so large that training
            diverges, or the fitted network answers the same for all rows.
        DivergenceWarning
            If the loss left the finite numbers, or rose a million times; the estimator then holds
            the last good parameters.

        Raises
        ------
        InputError
            A ValueError that names the argument, its value and what to do.
        """
        check_options(self)
        warn_without_effect(self, own_rows=X_val is not None, groups=groups is not None)
        given = (X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        found: list[Warning] = []

        def train(tasks: Tasks) -> None:
            if self.n_estimators != 1:
                found.extend(fit_members(self, given, tasks))
                return
            epochs = self._training(*given, callbacks=[tasks.begin(0)])
            divergence = self._follow(epochs, total=self.max_iter, stacklevel=6)
            if divergence is not None:
                found.append(DivergenceWarning(str(divergence)))
            found.extend(unfinished(self, [self]))

        tell_scikit_learn(self, train, X, y, sample_weight)
        for warning in found:
            warnings.warn(warning, stacklevel=2)
        return self

    def fit_epochs(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
    ) -> Iterator[Epoch]:
        """Train as `fit` does, and yield an `Epoch` after each pass over the rows.

        The estimator is fitted whenever the loop has control, and stays so when it is left early.
        A later call of `fit`, `partial_fit` or another such loop ends this one. Without a loop
        nothing is trained, and a warning says so.

        Raises
        ------
        DivergenceError
            At once when the loss left the finite numbers, or rose a million times; the estimator
            then holds the last good parameters.
        InputError
            When the loop is asked for more after the estimator has been trained by a later call.
        """
        given = (X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        return Run(self._epochs(given), "fit_epochs", "epoch")

    def _epochs(self, given: tuple[Any, ...]) -> Generator[Epoch, None, None]:
        if self.n_estimators != 1:
            raise InputError(
                f"n_estimators must be 1 for fit_epochs, which follows one network; got "
                f"{self.n_estimators}. Call fit."
            )
        check_options(self)
        warn_without_effect(self, own_rows=given[3] is not None, groups=given[6] is not None)
        try:
            with closing(self._training(*given, call="fit_epochs")) as epochs:
                for epoch in epochs:
                    self._say_remarks(4)
                    yield epoch
        finally:
            self._say_remarks(4)

    def _training(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        sample_weight_val: Any,
        groups: Any,
        *,
        callbacks: Sequence[Callback] = (),
        call: str = "fit",
    ) -> Generator[Epoch, None, None]:
        with unchanged_if_refused(self):
            anew = not (self.warm_start and hasattr(self, "parameters_"))
            if not anew:
                check_unchanged(self)
            samples = self._checked(X, y, sample_weight, reset=anew)
            if not anew:
                self._check_continued(samples.y)
            seed = as_seed(self.random_state) if anew else self._state.seed
            held = own_validation(self, X_val, y_val, sample_weight_val)
            names = ("X", "y") if held is None else ("X_val", "y_val")
            if held is None and self.early_stopping:
                samples, held = divided(self, samples, groups, seed)
            samples = self._taken_in(samples, anew, seed)
            if held is not None:
                check_held_out(self, held, names)
            rows = self._rows(samples, smoothing=self.label_smoothing)
            run = self._run(rows, held, self.max_iter, names=names)
            self._remarks = input_remarks(rows, getattr(self, "feature_names_in_", None))
            self._remarks += target_remarks(self)
        yield from self._followed(run, rows, callbacks, call)
        self._remarks = answer_remarks(self, rows)

    @available_if(steps_by_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one pass over the rows given, from where the last call or fit ended.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; weights count within the rows of one call.

        Returns
        -------
        self
        """
        return self._pass_over(X, y, sample_weight)

    def _pass_over(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        check_options(self)
        if not hasattr(self, "estimators_" if self.n_estimators != 1 else "parameters_"):
            warn_without_effect(self, passes=True)
        if self.n_estimators != 1:
            with unchanged_if_refused(self):
                pass_members(self, (X, y, sample_weight, classes))
            return self
        return self._pass(X, y, sample_weight, classes)

    def _pass(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        with unchanged_if_refused(self):
            check_for_passes(self)
            anew = not hasattr(self, "parameters_")
            if not anew:
                check_unchanged(self)
            samples = self._checked(X, y, sample_weight, reset=anew)
            seed = as_seed(self.random_state) if anew else self._state.seed
            samples = self._taken_in(samples, anew, seed, classes)
            rows = self._rows(samples, smoothing=self.label_smoothing)
            # a rate that waits for a plateau looks for it over all calls
            waits = falls_at_plateaus(make_schedule(self))
            run = self._run(rows, None, 1, stops=waits)
        divergence = self._follow(
            self._followed(run, rows, call="partial_fit"), total=1, stacklevel=6
        )
        self.n_iter_ = self._state.epoch
        if divergence is not None:
            warnings.warn(str(divergence), DivergenceWarning, stacklevel=4)
        return self

    def _follow(
        self, epochs: Iterator[Epoch], total: int, stacklevel: int
    ) -> DivergenceError | None:
        """Run to the end, and show it where asked for; return the divergence, if any."""
        divergence = None
        try:
            with shown(self.verbose, total, self.time_limit) as show:
                for epoch in epochs:
                    self._say_remarks(stacklevel)
                    show(epoch)
        except DivergenceError as error:
            divergence = error
        self._say_remarks(stacklevel)
        return divergence

    def _say_remarks(self, stacklevel: int) -> None:
        """Warn of what was remarked on the data or the answers, once."""
        remarks, self._remarks = self._remarks, ()
        for words in remarks:
            warnings.warn(words, DataWarning, stacklevel=stacklevel)

    def _taken_in(self, samples: Samples, anew: bool, seed: int, classes: Any = None) -> Samples:
        """Return samples with the weights of their classes; begin with them where asked to."""
        X, y, weight = samples
        if weight is not None:
            if not np.any(weight > 0.0):
                raise InputError(
                    "sample_weight must be positive for some row that is trained on; got zero for "
                    "all of them, and the others are held out. Pass X_val and y_val."
                )
            weight = relative_weight(weight, weight)
        self._learn_weights(y, weight, anew, classes)
        samples = Samples(X, y, self._weighted(y, weight))
        if anew:
            self._begin(samples, seed, classes)
        return samples

    def explain(
        self, X: Any, y: Any, sample_weight: Any = None, *, held_out: tuple[Any, ...] | None = None
    ) -> "Explanation":
        """Return the chain rule of any weight on these rows, the checks, and the report.

        What is explained is the network as it was trained: on standardised or smoothed targets,
        with the memory of the optimizer at its next step.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`; best the rows it was trained on.
        held_out : (X, y) or (X, y, sample_weight), optional
            Rows it was not trained on: the report judges its predictions by them.

        Returns
        -------
        Explanation
            ``explain(X, y).weight(layer=1, unit=1, to=1)`` is one weight's chain rule, and
            ``explain(X, y).save("report.html")`` writes the report.
        """
        from chainrule.estimators.explaining import explanation_of

        if "estimators_" in self.__dict__:
            raise InputError(
                "explain is of one network, and this is an ensemble. Call "
                "estimators_[0].explain(X, y) for its first one."
            )
        check_is_fitted(self, "parameters_")
        return explanation_of(self, (X, y, sample_weight), held_out)

    def gradient(
        self, X: Any, y: Any, sample_weight: Any = None, *, penalties: bool = False
    ) -> Parameters:
        """Return the derivative of the mean loss of these rows by every weight and bias.

        It is that of the loss in the units of ``y``, by the numbers of ``coefs_`` and
        ``intercepts_``. Class weights and smoothed labels count, as in training.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        penalties : bool
            Whether to add the gradient of the penalties (``alpha``, ``l1``), as a step does.

        Returns
        -------
        Parameters
            ``weights`` and ``biases`` per layer, and all of them as ``vector``.
        """
        from chainrule.estimators.gradients import gradient_in_units

        if "estimators_" in self.__dict__:
            raise InputError(
                "gradient is of one network, and this is an ensemble. Call "
                "estimators_[0].gradient(X, y) for its first one."
            )
        check_is_fitted(self, "parameters_")
        return gradient_in_units(self, (X, y, sample_weight), penalties)

    def _compared(
        self, X: Any, y: Any, sample_weight: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return predictions, targets of the same shape, and weights, to be compared row by row."""
        predicted: np.ndarray = self.predict(X)
        targets = self._prepared(as_targets(y))
        if predicted.ndim == 1 and targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.shape != predicted.shape:
            raise InputError(
                f"y must be of the shape of the predictions, {predicted.shape}; got "
                f"{targets.shape}. Pass one target per row of X, as in fit."
            )
        weight = _row_weights(sample_weight, len(predicted))
        return predicted, targets, None if weight is None else relative_weight(weight, weight)

    def _checked(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        reset: bool,
        names: tuple[str, str, str] = ("X", "y", "sample_weight"),
    ) -> Samples:
        """Return arrays of one length; finiteness of X is seen later."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None.")
        with np.errstate(all="ignore"):  # checks overflow on numbers that they then refuse
            X = self._numbers_of(X, reset, names[0])
            y = self._prepared(as_targets(y, names[1]), names[1])
        check_consistent_length(X, y)
        return Samples(X, y, _row_weights(sample_weight, X.shape[0], names[2]))


def _row_weights(weight: Any, n: int, name: str = "sample_weight") -> np.ndarray | None:
    if weight is None:
        return None
    weights: np.ndarray = checked_weight(as_weights(weight, name), n, name)
    return weights
