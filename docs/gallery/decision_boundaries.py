"""
Decision boundaries
===================

Two classes that no line separates, and networks of growing width. Each hidden ReLU unit can bend
the boundary once; with too few bends it stays too simple.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons

from chainrule import MLPClassifier
from chainrule.insight.displays import DecisionBoundaryDisplay

X, y = make_moons(300, noise=0.25, random_state=0)

figure, grid = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for axes, width in zip(grid, (1, 3, 30), strict=True):
    model = MLPClassifier(
        (width,), "relu", solver="lbfgs", alpha=0.001, max_iter=2000, random_state=3
    ).fit(X, y)
    display = DecisionBoundaryDisplay.from_network(
        model.network_, model.parameters_, X, y, loss="binary_cross_entropy", ax=axes
    )
    share = np.mean(model.predict(X) == y)
    unit = "unit" if width == 1 else "units"
    axes.set_title(f"{width} hidden {unit}: {share:.0%} right", pad=22)
    axes.set(xlabel="x1", ylabel="x2")
plt.show()
