"""
What penalties do to weights
============================

Twenty columns, of which five count. An l2 penalty makes all weights smaller, an l1 penalty sets
those that do not help to 0, and with them the columns that do not count.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPRegressor

random = np.random.default_rng(0)
X = random.normal(size=(200, 20))
truth = np.zeros(20)
truth[:5] = [3.0, -2.0, 1.5, 1.0, -0.8]
y = X @ truth + 3.0 * random.normal(size=200)

options = {"hidden_layer_sizes": (), "learning_rate": "cosine", "learning_rate_init": 0.02}
penalties = {
    "none": {"alpha": 0.0},
    "l2: alpha=0.5": {"alpha": 0.5},
    "l1=0.1": {"alpha": 0.0, "l1": 0.1},
}

figure, grid = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for axes, (name, penalty) in zip(grid, penalties.items(), strict=True):
    model = MLPRegressor(
        **options, **penalty, max_iter=200, n_iter_no_change=np.inf, random_state=0
    ).fit(X, y)
    weights = model.coefs_[0].ravel()
    axes.bar(range(1, 21), weights, label="learnt")
    axes.plot(range(1, 21), truth, "k_", markersize=9, label="the truth")
    small = np.sum(np.abs(weights) < 0.02)
    axes.set(title=f"{name}: {small} weights below 0.02", xlabel="column")
grid[0].set_ylabel("weight")
grid[0].legend()
plt.show()

# %%
# The penalty also shrinks the weights that do count: what is won in the one place is paid for in
# the other.
