"""
What the batch size does
========================

The same number of epochs with batches of 8 to 512 rows. Small batches make many noisy steps,
large ones few accurate ones: per epoch, small batches get farther, until their noise is in the
way.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainrule import Dense, Network, train

X, y = load_digits(return_X_y=True)
X = X / 16.0
network = Network(Dense(64, 32, "relu"), Dense(32, 10))

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
for batch_size, style in ((8, "-"), (32, "--"), (128, "-."), (512, ":")):
    options = {"learning_rate": 0.1, "batch_size": batch_size, "epochs": 20, "seed": 0}
    epochs = list(train(network, X, y, loss="categorical_cross_entropy", **options))
    curve = [epoch.loss for epoch in epochs]
    left.semilogy([epoch.number for epoch in epochs], curve, style, label=f"{batch_size} rows")
    steps = [epoch.number * epoch.steps for epoch in epochs]
    right.loglog(steps, curve, style, label=f"{batch_size} rows")
left.set(title="by epoch", xlabel="epoch", ylabel="training loss")
right.set(title="by step", xlabel="step")
left.legend()
plt.show()

# %%
# By step it is the other way round: larger batches fall at least as fast, since each step is more
# accurate. A step of 512 rows costs more time, though.
