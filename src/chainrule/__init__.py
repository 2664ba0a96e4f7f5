"""Train feed-forward neural networks: fast, transparent, and at home in scikit-learn.

The catalogues (`activations`, `losses`, `initializers`, `optimizers`, `schedules`, `penalties`)
hold the formulas; `Network`, `Dense` and `train` are the pieces; the estimators come ready-made.
"""

# Importing a file of formulas enters its records into their catalogue.
from chainrule.estimators.classifier import MLPClassifier
from chainrule.estimators.regressor import MLPRegressor
from chainrule.formulas import activations as _activations  # noqa: F401
from chainrule.formulas import cross_entropies as _cross_entropies  # noqa: F401
from chainrule.formulas import losses as _losses  # noqa: F401
from chainrule.formulas import rectifiers as _rectifiers  # noqa: F401
from chainrule.formulas.initializers import initializers
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.penalties import penalties
from chainrule.formulas.records import activations
from chainrule.formulas.schedules import schedules
from chainrule.insight.check import check_formula
from chainrule.interop.model_file import load, save_model
from chainrule.interop.networks import explain
from chainrule.model.network import Dense, Network
from chainrule.model.objective import Objective
from chainrule.model.parameters import Parameters
from chainrule.training.loop import Epoch, train
from chainrule.training.state import TrainingState, load_state, save_state

__version__ = "0.1.0"

__all__ = [
    "Dense",
    "Epoch",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Objective",
    "Parameters",
    "TrainingState",
    "activations",
    "check_formula",
    "explain",
    "initializers",
    "load",
    "load_state",
    "losses",
    "optimizers",
    "penalties",
    "save_model",
    "save_state",
    "schedules",
    "train",
]
