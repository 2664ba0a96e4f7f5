"""
Saturation
==========

A sigmoid is nearly flat where its input is large, so its slope, a factor of every chain rule
through it, is nearly 0. Columns in large units push the units there before the first step is
made.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine

from chainrule import Dense, Network, activations, train

X, y = load_wine(return_X_y=True)
standard = (X - X.mean(axis=0)) / X.std(axis=0)
network = Network(Dense(13, 16, "sigmoid"), Dense(16, 3))
start = network.start(seed=0)
inputs = {"in their units": X, "standardised": standard}

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
for name, rows in inputs.items():
    z = rows @ start.weights[0] + start.biases[0]
    slopes = activations.sigmoid.slope(z)
    left.hist(slopes.ravel(), np.linspace(0.0, 0.25, 26), alpha=0.6, label=f"columns {name}")
    options = {"optimizer": "adam", "learning_rate": 0.01, "epochs": 60, "parameters": start}
    epochs = train(network, rows, y, loss="categorical_cross_entropy", **options)
    right.plot([epoch.loss for epoch in epochs], label=f"columns {name}")
left.set(title="before the first step", xlabel="slope of a unit on a row", ylabel="count")
right.set(title="training", xlabel="epoch", ylabel="training loss", ylim=(0.0, None))
left.legend()
right.legend()
plt.show()

# %%
# With raw columns nearly all slopes are 0: one column, ``proline``, goes up to 1680.
# Standardised, the same network from the same start learns at once.
