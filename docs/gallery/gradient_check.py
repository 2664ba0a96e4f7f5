"""
Check a formula of your own
===========================

An activation with its slope, and the same with a slip in the slope. ``check_formula`` compares
slopes with finite differences before anything is trained, and finds it.
"""

import math
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np

from chainrule import Activation, check_formula


@dataclass(frozen=True)
class Softsign(Activation):
    r"""A smooth step that levels off slowly.

    {formula}
    """

    name = "softsign"
    latex = r"\frac{z}{1 + |z|}"
    slope_latex = r"\frac{1}{(1 + |z|)^2}"
    range = (-1.0, 1.0)
    source = "Turian, Bergstra & Bengio (2009), NAACL"

    def value(self, xp, z):
        return z / (1.0 + xp.abs(z))

    def slope(self, xp, z, a):
        root = 1.0 + xp.abs(z)
        return 1.0 / (root * root)


@dataclass(frozen=True)
class Slipped(Softsign):
    name = "slipped"

    def slope(self, xp, z, a):
        return 1.0 / (1.0 + xp.abs(z))  # the square is forgotten


points = np.linspace(-4.0, 4.0, 33)
figure, grid = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
for axes, record in zip(grid, (Softsign(), Slipped()), strict=True):
    check = check_formula(record, points)
    right = [verdict for verdict in check.verdicts if verdict.status != "differs"]
    wrong = [verdict for verdict in check.verdicts if verdict.status == "differs"]
    for verdicts, mark, word in ((right, "o", "agree"), (wrong, "x", "differ")):
        axes.plot(
            [verdict.difference for verdict in verdicts],
            [verdict.gradient for verdict in verdicts],
            mark,
            label=f"{len(verdicts)} {word}",
        )
    axes.axline((0.0, 0.0), slope=1.0, color="0.7", linewidth=1)
    axes.set(title=f"{record.name}: {'passed' if check.passed else 'not passed'}")
    axes.set(xlabel="slope by finite differences", ylabel="slope by its formula")
    axes.legend()
plt.show()

# %%
# The worst verdict comes first, with both numbers:

print(check.verdicts[0])
assert math.isclose(check.verdicts[0].gradient, 0.2, rel_tol=0.2)
