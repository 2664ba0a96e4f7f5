"""
Initial weights and their spread
================================

The spread of the activations through ten layers of a fresh network. If weights are too small, the
signal dies on the way; if they are too large, it grows in every layer. He's start keeps its size
through ReLU layers, because it makes up for the half of the values that ReLU sets to 0.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import activations, initializers

random = np.random.default_rng(0)
rows, width, depth = 500, 200, 10


def spreads(activation, scale):
    """Return the root mean square of the activations of each layer, the inputs first."""
    a = random.normal(size=(rows, width))
    found = [np.sqrt(np.mean(a**2))]
    for _ in range(depth):
        a = activation(a @ scale(width))
        found.append(np.sqrt(np.mean(a**2)))
    return found


starts = {
    "deviation 0.02": lambda n: random.normal(0.0, 0.02, (n, n)),
    "lecun_normal": lambda n: initializers.lecun_normal.draw(random, n, n),
    "glorot_uniform": lambda n: initializers.glorot_uniform.draw(random, n, n),
    "he_normal": lambda n: initializers.he_normal.draw(random, n, n),
    "deviation 0.2": lambda n: random.normal(0.0, 0.2, (n, n)),
}
marks = "v^sod"

figure, grid = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for axes, activation in zip(grid, (activations.relu, activations.tanh), strict=True):
    for mark, (name, scale) in zip(marks, starts.items(), strict=True):
        axes.semilogy(spreads(activation, scale), marker=mark, label=name)
    axes.set(title=activation.name, xlabel="layer", ylabel="root mean square of activations")
    axes.grid(alpha=0.3)
grid[0].legend(fontsize="small")
plt.show()

# %%
# ``tanh`` cannot exceed 1, so weights that are too large show in another way there: units
# saturate. ``Dense`` takes the start that suits its activation.
