"""
Optimizers compared
===================

The same network, from the same start, on the same batches of handwritten digits, by five update
rules, each at a usual rate. Curves are the mean loss of each epoch.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainrule import Dense, Network, optimizers, train

X, y = load_digits(return_X_y=True)
X = X / 16.0
network = Network(Dense(64, 32, "relu"), Dense(32, 10))
contest = {
    "sgd, rate 0.05": (optimizers.get("sgd"), 0.05),
    "sgd with momentum, rate 0.05": (optimizers.get("sgd", momentum=0.9), 0.05),
    "rmsprop, rate 0.001": (optimizers.get("rmsprop"), 0.001),
    "adam, rate 0.003": (optimizers.get("adam"), 0.003),
    "adamw, rate 0.003": (optimizers.get("adamw", weight_decay=0.1), 0.003),
}

figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
for name, (optimizer, rate) in contest.items():
    options = {"optimizer": optimizer, "learning_rate": rate, "epochs": 20, "seed": 0}
    epochs = train(network, X, y, loss="categorical_cross_entropy", **options)
    curve = [epoch.loss for epoch in epochs]
    axes.semilogy(range(1, len(curve) + 1), curve, marker=".", label=name)
axes.set(xlabel="epoch", ylabel="training loss", xticks=range(0, 21, 5))
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %%
# Momentum makes the slowest rule the fastest here. A lower training loss is not yet a better
# network: the decay of ``adamw`` raises it a little on purpose, because smaller weights often do
# better on new rows.
