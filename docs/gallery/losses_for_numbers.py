"""
Losses for numbers
==================

What an error costs, and the slope that the chain rule begins with. ``mse`` charges a large error
by its square, so that one outlier can outweigh a hundred rows; the slopes of the others stay
small.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import losses

error = np.linspace(-3.0, 3.0, 601)
target = np.zeros_like(error)
records = {
    "mse": losses.mse,
    "mae": losses.mae,
    "huber": losses.huber,
    "quantile, q = 0.9": losses.get("quantile", q=0.9),
}

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for name, record in records.items():
    left.plot(error, record(error, target, reduction="none"), label=name)
    right.plot(error, record.gradient(error, target), label=name)
left.set(title="loss", xlabel="prediction - target", ylabel="loss", ylim=(0.0, 5.0))
right.set(title="slope", xlabel="prediction - target", ylabel="slope by the score", ylim=(-4, 4))
left.legend()
for axes in (left, right):
    axes.grid(alpha=0.3)
plt.show()

# %%
# ``huber`` is a parabola near 0 and a line farther out. The quantile loss is steeper on one side,
# so its best constant answer is not the middle of the targets but their 90 % quantile.
