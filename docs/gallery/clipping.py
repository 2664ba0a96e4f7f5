"""
Clip the gradient
=================

A few rows with absurd targets make gradients many times as long as usual, and one such step
throws the network off. ``clip_norm`` shortens long gradients and leaves the others alone.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import Dense, Network, optimizers, steps

random = np.random.default_rng(0)
X = random.uniform(-1.0, 1.0, (400, 2))
y = np.sin(3.0 * X[:, 0]) + X[:, 1]
clean = y.copy()
y[random.choice(400, 4, replace=False)] += 60.0  # four slips of a decimal point
network = Network(Dense(2, 24, "tanh"), Dense(24, 1))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for clip_norm, style in ((None, "-"), (2.0, "--")):
    optimizer = optimizers.get("sgd", momentum=0.5, clip_norm=clip_norm)
    norms, errors = [], []
    for step in steps(network, X, y, optimizer=optimizer, learning_rate=0.03, epochs=12):
        norms.append(np.linalg.norm(step.gradient.vector))
        errors.append(np.mean((step.predict(X).ravel() - clean) ** 2))
    left.semilogy(norms, style, label=f"clip_norm={clip_norm}")
    right.semilogy(errors, style, label=f"clip_norm={clip_norm}")
left.axhline(2.0, color="0.6", linewidth=1)
left.set(title="before clipping", xlabel="step", ylabel="norm of the gradient")
right.set(title="progress", xlabel="step", ylabel="squared error on the true targets")
left.legend()
plt.show()
