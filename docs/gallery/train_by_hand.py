"""
Train step by step
==================

A loop over ``steps`` sees every batch, with its loss and gradient, and the parameters before and
after. Here it draws the way of a network of two weights over the loss of all rows.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import Dense, Network, Parameters, steps

random = np.random.default_rng(0)
X = random.uniform(0.0, 2.0, (60, 1))
y = 1.5 * X[:, 0] - 0.5 + 0.3 * random.normal(size=60)

network = Network(Dense(1, 1))
start = Parameters.from_arrays([[[-1.0]]], [[2.0]])
options = {"parameters": start, "learning_rate": 0.08, "epochs": 15, "seed": 0}

weight, bias = np.meshgrid(np.linspace(-1.5, 3.0, 120), np.linspace(-2.0, 2.5, 120))
loss = np.mean((weight[..., None] * X[:, 0] + bias[..., None] - y) ** 2, axis=-1)
figure, axes = plt.subplots(figsize=(7, 4.6), layout="constrained")
axes.contour(weight, bias, loss, levels=np.geomspace(0.1, 12.0, 12), colors="0.8")
for batch_size in (4, 60):
    path = [start.vector]
    for step in steps(network, X, y, batch_size=batch_size, **options):
        path.append(step.parameters.vector.copy())
        assert np.allclose(path[-1], path[-2] - 0.08 * step.gradient.vector)
    axes.plot(*np.array(path).T, ".-", markersize=4, label=f"{batch_size} rows per step")
axes.set(xlabel="weight", ylabel="bias")
axes.legend()
plt.show()

# %%
# With all rows in each step the way is smooth and, after 15 steps, short; with 4 rows it is
# ragged, and arrives.
