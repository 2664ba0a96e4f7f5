"""
Activations and their slopes
============================

The value of each activation and its slope, side by side: the slope is what the chain rule
multiplies by. Where it is near 0, a unit hardly learns.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import activations

z = np.linspace(-4.0, 4.0, 401)
names = [name for name in activations if name not in ("softmax", "exponential")]

figure, grid = plt.subplots(3, 4, figsize=(10, 6.5), sharex=True, sharey=True, layout="constrained")
for axes, name in zip(grid.flat, names, strict=False):
    record = activations[name]
    axes.plot(z, record(z), label="value")
    axes.plot(z, record.slope(z), "--", label="slope")
    axes.set(title=name, ylim=(-1.8, 4.2))
    axes.grid(alpha=0.3)
for axes in grid.flat[len(names) :]:
    axes.axis("off")
grid.flat[0].legend()
figure.supxlabel("z, the input of a unit")
figure.supylabel("value and slope")
plt.show()

# %%
# ``tanh`` and ``sigmoid`` level off on both sides, so their slopes vanish there. ``relu`` has no
# slope at all on the left: a unit that is negative on every row is dead.
