"""Is each layer alive and does it learn: numbers per layer, and verdicts with their thresholds."""

import math
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from chainrule.formulas.records import Activation
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import InputError
from chainrule.insight.gradient_noise import moments
from chainrule.insight.input_scales import look_at_columns, scale_words
from chainrule.insight.row_blocks import Block, row_blocks
from chainrule.insight.subject import Subject
from chainrule.insight.text_table import share, short, text_table

__all__ = ["Finding", "Health", "LayerHealth", "health", "next_update"]
