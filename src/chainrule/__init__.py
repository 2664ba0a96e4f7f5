"""Train feed-forward neural networks: fast, transparent, and at home in scikit-learn.

The catalogues (`activations`, `losses`, `initializers`, `optimizers`, `schedules`, `penalties`,
`rate_factors`) hold the formulas; `Network`, `Dense` and `train` are the pieces; the estimators
come ready-made.
"""

from chainrule.foundation import interruption as _interruption

_interruption.end_quietly()  # the imports below take some tenths of a second

import importlib
import typing

# Importing a file of formulas enters its records into their catalogue.
from chainrule.formulas import activations as _activations  # noqa: F401
from chainrule.formulas import cross_entropies as _cross_entropies  # noqa: F401
from chainrule.formulas import losses as _losses  # noqa: F401
from chainrule.formulas import rectifiers as _rectifiers  # noqa: F401
from chainrule.formulas.initializers import Initializer, initializers
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.optimizers import Optimizer, optimizers
from chainrule.formulas.penalties import Penalty, penalties
from chainrule.formulas.rate_factors import RateFactors, rate_factors
from chainrule.formulas.records import Activation, activations
from chainrule.formulas.schedules import Schedule, schedules
from chainrule.foundation.errors import (
    DataWarning,
    DivergenceError,
    DivergenceWarning,
    InputError,
    NoEffectWarning,
    SlowEngineWarning,
)
from chainrule.foundation.version import __version__ as __version__
from chainrule.model.network import Dense
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.epoch import Epoch
from chainrule.training.loop import train
from chainrule.training.many import Outcome, train_many
from chainrule.training.network import Network
from chainrule.training.state import TrainingState, load_state, save_state
from chainrule.training.step import Step
from chainrule.training.steps import steps

if typing.TYPE_CHECKING:
    from chainrule.app.play.cell import widget
    from chainrule.app.play.opening import play
    from chainrule.estimators.checkpoints import Checkpoint
    from chainrule.estimators.classifier import MLPClassifier
    from chainrule.estimators.regressor import MLPRegressor
    from chainrule.insight.check_formula import check_formula
    from chainrule.interop.from_network import from_network
    from chainrule.interop.model_file import save_model
    from chainrule.interop.networks import explain
    from chainrule.tables.classifier import TabularClassifier
    from chainrule.tables.loading import load
    from chainrule.tables.regressor import TabularRegressor

__all__ = [
    "Activation",
    "Checkpoint",
    "DataWarning",
    "Dense",
    "DivergenceError",
    "DivergenceWarning",
    "Epoch",
    "Initializer",
    "InputError",
    "Loss",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "NoEffectWarning",
    "Objective",
    "Optimizer",
    "Outcome",
    "Parameters",
    "Penalty",
    "RateFactors",
    "Schedule",
    "SlowEngineWarning",
    "Step",
    "TabularClassifier",
    "TabularRegressor",
    "TrainingState",
    "activations",
    "check_formula",
    "explain",
    "from_network",
    "initializers",
    "load",
    "load_state",
    "losses",
    "optimizers",
    "penalties",
    "play",
    "rate_factors",
    "save_model",
    "save_state",
    "schedules",
    "steps",
    "train",
    "train_many",
    "widget",
]

# Loaded when first asked for, since scikit-learn takes ten times longer to import than the rest.
_LATER = {
    "Checkpoint": "chainrule.estimators.checkpoints",
    "MLPClassifier": "chainrule.estimators.classifier",
    "MLPRegressor": "chainrule.estimators.regressor",
    "check_formula": "chainrule.insight.check_formula",
    "explain": "chainrule.interop.networks",
    "from_network": "chainrule.interop.from_network",
    "TabularClassifier": "chainrule.tables.classifier",
    "TabularRegressor": "chainrule.tables.regressor",
    "load": "chainrule.tables.loading",
    "play": "chainrule.app.play.opening",
    "save_model": "chainrule.interop.model_file",
    "widget": "chainrule.app.play.cell",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(importlib.import_module(_LATER[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
