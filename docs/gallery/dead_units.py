"""
Dead units
==========

A ReLU unit that is negative on every row answers 0, has slope 0, and cannot learn any more. Large
steps kill units: at a rate of 0.3, all of them.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainrule import Dense, Network, explain, train
from chainrule.insight.displays import HealthDisplay

X, y = load_digits(return_X_y=True)
X = X / 16.0


def trained(rate, activation):
    """Return a network after five epochs, with its parameters."""
    network = Network(Dense(64, 40, activation), Dense(40, 40, activation), Dense(40, 10))
    options = {"optimizer": "adam", "learning_rate": rate, "epochs": 5, "seed": 0}
    *_, last = train(network, X, y, loss="categorical_cross_entropy", **options)
    return network, last.parameters


def dead_shares(rate, activation):
    """Return the share of units of each hidden layer that answer nothing on any row."""
    health = explain(trained(rate, activation), X, y, loss="categorical_cross_entropy").health()
    return [len(layer.dead) / layer.units for layer in health.layers[:2]]


rates = [0.001, 0.01, 0.03, 0.1, 0.3]
figure, axes = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
for activation, style in (("relu", "o-"), ("leaky_relu", "s--")):
    shares = [100.0 * max(dead_shares(rate, activation)) for rate in rates]
    axes.semilogx(rates, shares, style, label=activation)
axes.set(xlabel="learning rate", ylabel="dead units in the worse layer, per cent")
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %%
# Layer by layer, at a rate of 0.1:

explanation = explain(trained(0.1, "relu"), X, y, loss="categorical_cross_entropy")
HealthDisplay(explanation.health()).plot()
plt.show()
