"""
Would more rows help?
=====================

The quality on test rows against the number of rows trained on. Where the curve of the network
still climbs, more rows are worth their price; where it is flat, something else is needed.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import LearningCurveDisplay

from chainrule import MLPClassifier

X, y = load_digits(return_X_y=True)
model = MLPClassifier(
    (64,),
    batch_size=64,
    learning_rate="cosine",
    learning_rate_init=0.005,
    max_iter=40,
    n_iter_no_change=np.inf,
    random_state=0,
)

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
LearningCurveDisplay.from_estimator(
    model,
    X / 16.0,
    y,
    train_sizes=np.array([60, 120, 250, 500, 1000, 1340]),
    cv=4,
    shuffle=True,
    random_state=0,
    score_type="both",
    score_name="share right",
    ax=axes,
)
axes.set(xscale="log", xlabel="rows trained on")
plt.show()

# %%
# The training rows are learnt nearly by heart. The gap between the curves closes as rows are
# added, and has not closed yet.
