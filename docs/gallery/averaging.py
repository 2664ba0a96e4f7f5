"""
An average of the steps
=======================

With a rate that stays large, the weights do not settle: each batch pushes them to and fro around
the minimum. Their running average lies closer to it, and costs nothing but memory.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainrule import Dense, Network, optimizers, train

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, random_state=0)
network = Network(Dense(64, 32, "relu"), Dense(32, 10))

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for averaging, style in ((0.0, "o-"), (0.99, "s-")):
    optimizer = optimizers.get("adam", averaging=averaging)
    options = {"optimizer": optimizer, "learning_rate": 0.02, "epochs": 20, "seed": 0}
    epochs = train(
        network,
        X_train,
        y_train,
        loss="categorical_cross_entropy",
        validation=(X_test, y_test),
        **options,
    )
    curve = [epoch.validation_loss for epoch in epochs]
    label = f"averaging={averaging}" if averaging else "the latest weights"
    axes.plot(range(1, 21), curve, style, markersize=4, label=label)
axes.set(xlabel="epoch", ylabel="loss on test rows", ylim=(0.0, 0.6), xticks=range(0, 21, 5))
axes.legend()
axes.grid(alpha=0.3)
plt.show()
