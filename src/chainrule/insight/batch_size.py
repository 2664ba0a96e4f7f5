"""When does a larger batch stop paying: noise, cost and steps to a loss, all measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.engines.engine import Engine
from chainrule.formulas.loss import Loss
from chainrule.formulas.optimizers import Optimizer
from chainrule.foundation.errors import InputError, must_be
from chainrule.insight.gradient_noise import (
    BATCH_SIZES,
    GradientNoise,
    gradient_noise,
    moments,
    nearest_power_of_two,
)
from chainrule.insight.step_cost import StepCost, measure_step_cost
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import share, short, text_table
from chainrule.insight.trials import Setting, Trial
from chainrule.model.network import Network
from chainrule.model.parameters import Parameters

__all__ = ["BatchSizeReport", "BatchSizeRuns", "batch_size_report"]

# Doubling that saves less of the steps is not worth its rows.
WORTH_SAVING = 0.1
# Share of the pilot's fall of the loss that is the target.
TARGET_FALL = 0.9
# Looks at the loss are so far apart, relative to the steps made.
LOOK_EVERY = 0.05
PILOT_PASSES, PILOT_STEPS = 5, (300, 3000)
MOST_ROWS = 4_000_000
"""
