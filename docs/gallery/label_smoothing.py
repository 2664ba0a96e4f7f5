"""
Label smoothing
===============

With hard labels the loss rewards ever larger scores, also for rows that are answered rightly
already. Smoothed labels have a best score that is finite: beyond it, more certainty costs.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, test_size=0.5, random_state=0)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for smoothing in (0.0, 0.1, 0.3):
    model = MLPClassifier(
        (64,),
        label_smoothing=smoothing,
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=60,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X_train, y_train)
    largest = model.predict_proba(X_test).max(axis=1)
    right = model.score(X_test, y_test)
    label = f"{smoothing:g}: {right:.1%} right"
    axes.hist(largest, np.linspace(0.2, 1.0, 33), histtype="step", linewidth=2, label=label)
axes.set(xlabel="probability of the predicted digit on test rows", ylabel="rows", yscale="log")
axes.legend(title="label_smoothing", loc="upper left")
plt.show()

# %%
# The peaks lie at 1 - s + s / 10, the probability that smoothed labels of ten classes ask for.
