"""Training one epoch after the other: `fit_epochs`, and `partial_fit`."""

import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Self

from sklearn.utils.metaestimators import available_if

from chainrule.estimators.checking import check_for_passes, check_options, warn_without_effect
from chainrule.estimators.checkpoints import Keeping
from chainrule.estimators.ensemble import pass_members
from chainrule.estimators.fitting import FittingMLP
from chainrule.estimators.ingredients import LBFGS_NAME, falls_at_plateaus, solver_of
from chainrule.estimators.inputs import checked_samples
from chainrule.estimators.refusal import unchanged_if_refused
from chainrule.estimators.samples import Given
from chainrule.estimators.streams import in_memory_or_streamed
from chainrule.foundation.errors import DivergenceWarning, InputError
from chainrule.foundation.seeds import as_seed
from chainrule.training.epoch import Epoch
from chainrule.training.run import Run as Loop
from chainrule.training.snapshot import Progress

__all__ = ["StepwiseMLP", "steps_by_batches"]


def steps_by_batches(estimator: "StepwiseMLP") -> bool:
    if solver_of(estimator) == LBFGS_NAME:
        raise AttributeError("partial_fit is not there with solver='lbfgs', which needs all rows.")
    return True


class StepwiseMLP(FittingMLP):
    """A network that can be trained one epoch after the other."""

    def fit_epochs(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
        resume: str | os.PathLike[str] | None = None,
        memory: int | str | None = None,
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
        given = Given(X, y, sample_weight, X_val, y_val, sample_weight_val, groups)
        return Loop(self._epochs(given, resume, memory), "fit_epochs", "epoch")

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
        return self._pass_over(Given(X, y, sample_weight))

    def _epochs(self, given: Given, resume: Any, memory: Any) -> Generator[Epoch, None, None]:
        if self.n_estimators != 1:
            raise InputError(
                f"n_estimators must be 1 for fit_epochs, which follows one network; got "
                f"{self.n_estimators}. Call fit."
            )
        check_options(self)
        own_rows, groups = given.X_val is not None, given.groups is not None
        warn_without_effect(self, own_rows=own_rows, groups=groups)
        given, _ = in_memory_or_streamed(self, given, memory)
        try:
            keeping = Keeping.of(self, resume)
            keeper = None if keeping is None else keeping.of_network(0)
            with closing(self._training(given, call="fit_epochs", keeper=keeper)) as epochs:
                for epoch in epochs:
                    self._say_remarks()
                    yield epoch
        finally:
            self._say_remarks()

    def _pass_over(self, given: Given, classes: Any = None) -> Self:
        check_options(self)
        if not hasattr(self, "estimators_" if self.n_estimators != 1 else "parameters_"):
            warn_without_effect(self, passes=True)
        if self.n_estimators != 1:
            with unchanged_if_refused(self):
                pass_members(self, lambda member: member._pass(given, classes))
            return self
        return self._pass(given, classes)

    def _pass(self, given: Given, classes: Any = None) -> Self:
        with unchanged_if_refused(self):
            check_for_passes(self)
            former = self._former()
            samples = checked_samples(self, self._targets.prepared, given[:3], former is None)
            seed = as_seed(self.random_state) if former is None else former.state.seed
            run, rows = self._begun(former, samples, seed, given.X, classes)
            # a rate that waits for a plateau looks for it over all calls
            waits = falls_at_plateaus(run.recipe.schedule)
            progress = Progress()
            epochs = self._ready(run, former, rows, count=1, stops=waits, progress=progress)
        passing = self._followed(epochs, rows, progress, call="partial_fit")
        divergence = self._follow(passing, total=1)
        self.n_iter_ = self._run.state.epoch
        if divergence is not None:
            warnings.warn(str(divergence), DivergenceWarning, stacklevel=4)
        return self
