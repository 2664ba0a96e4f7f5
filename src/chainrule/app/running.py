"""A training at the command line: followed epoch by epoch, and what is said when it ends badly."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from chainrule.app.report import Report
from chainrule.app.results import networks_of
from chainrule.app.settings import Settings
from chainrule.estimators.base import best_epoch_of
from chainrule.foundation.errors import DivergenceError
from chainrule.interop.estimator_records import Estimator

if TYPE_CHECKING:
    from collections.abc import Generator

    from chainrule.training.epoch import Epoch

__all__ = ["Rows", "Run", "divergence_words", "smaller", "train"]


@dataclass(frozen=True)
class Rows:
    """The rows of a fit: inputs, targets, weights and groups."""

    X: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None = None
    groups: np.ndarray | None = None


@dataclass
class Run:
    """The course of a training."""

    seconds: float
    stopped: str
    best_epoch: int | None
    divergence: DivergenceError | None = None


def train(estimator: Estimator, rows: Rows, settings: Settings, report: Report) -> Run:
    """Train until the end, the time limit, Ctrl-C or divergence; the best epoch is kept."""
    divergence, interrupted = None, False
    total = estimator.max_iter * estimator.n_estimators
    with report.epochs(total, settings.time_limit) as bar:
        try:
            if estimator.n_estimators > 1:
                estimator.set_params(callbacks=bar.show).fit(
                    rows.X, rows.y, rows.weight, groups=rows.groups
                )
            else:
                # the loop must end here, so that the estimator says how it went
                with closing(_epochs(estimator, rows)) as epochs:
                    for epoch in epochs:
                        bar.show(epoch)
        except KeyboardInterrupt:
            interrupted = True
        except DivergenceError as error:
            divergence = error
        finally:
            estimator.set_params(callbacks=None)
        seconds = bar.seconds
    networks = networks_of(estimator)
    reasons = [getattr(one, "stopped_because_", "interrupted") for one in networks]
    stopped = "interrupted" if interrupted else max(reasons, key=reasons.count)
    best = best_epoch_of(estimator) if len(networks) == 1 and networks[0] is estimator else None
    return Run(seconds, stopped, best, divergence)


def _epochs(estimator: Estimator, rows: Rows) -> Generator[Epoch, None, None]:
    epochs = estimator.fit_epochs(rows.X, rows.y, rows.weight, groups=rows.groups)
    return cast("Generator[Epoch, None, None]", epochs)


def divergence_words(rate: float, error: DivergenceError, kept: str) -> str:
    """Say where training diverged, what was kept, and what to try."""
    return (
        f"training diverged in epoch {error.epoch}, step {error.step}: the loss is "
        f"{error.loss:.4g}, the first was {error.first_loss:.4g}. {kept} {smaller(rate)}"
    )


def smaller(rate: float) -> str:
    """Say which learning rate to try after a divergence."""
    return f"Try --learning-rate {rate / 10:g} or less."
