"""
Warm start
==========

With ``warm_start`` a fit goes on where the last one ended, to the bit: thirty fits of one epoch
equal one of thirty. Between them anything may be measured, and numbers such as the rate may
change.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier

# Each fit of one epoch says that it could go on, which is the point here.
warnings.simplefilter("ignore", ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, random_state=0)
options = {"solver": "sgd", "n_iter_no_change": np.inf, "random_state": 0}


def measured(rates):
    """Return the test accuracy after each of thirty fits of one epoch, and the model."""
    model = MLPClassifier((32,), **options, max_iter=1, warm_start=True)
    accuracies = []
    for rate in rates:
        model.set_params(learning_rate_init=rate).fit(X_train, y_train)
        accuracies.append(model.score(X_test, y_test))
    return accuracies, model


figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
epochs = range(1, 31)
steady, pieces = measured([0.05] * 30)
axes.plot(epochs, steady, label="rate 0.05")
axes.plot(epochs, measured([0.05] * 15 + [0.005] * 15)[0], "--", label="0.005 from epoch 16 on")
axes.axvline(15.5, color="0.7", linewidth=1)
axes.set(xlabel="epoch", ylabel="share right on test rows", ylim=(0.85, 1.0))
axes.legend()
plt.show()

# %%
# The same as one fit of thirty epochs, bit for bit:

whole = MLPClassifier((32,), **options, learning_rate_init=0.05, max_iter=30).fit(X_train, y_train)
assert (whole.parameters_.vector == pieces.parameters_.vector).all()
