"""
Rare classes
============

One row in twenty is of the class that matters. ``class_weight="balanced"`` counts its rows
nineteen times as much as the others, and moves the boundary towards the common class: more cases
are found, with more false alarms.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.metrics import precision_score, recall_score

from chainrule import MLPClassifier
from chainrule.insight.displays import DecisionBoundaryDisplay

X, y = make_blobs([950, 50], centers=[[0.0, 0.0], [1.8, 1.2]], cluster_std=1.0, random_state=0)

figure, grid = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained")
for axes, class_weight in zip(grid, (None, "balanced"), strict=True):
    model = MLPClassifier(
        (16,),
        "tanh",
        class_weight=class_weight,
        learning_rate="cosine",
        learning_rate_init=0.02,
        max_iter=60,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)
    DecisionBoundaryDisplay.from_network(
        model.network_, model.parameters_, X, y, loss="binary_cross_entropy", ax=axes
    )
    found, right = recall_score(y, model.predict(X)), precision_score(y, model.predict(X))
    words = f"{found:.0%} found; {right:.0%} of alarms right"
    axes.set_title(f"class_weight={class_weight!r}\n{words}", pad=22)
    axes.set(xlabel="x1", ylabel="x2")
plt.show()

# %%
# Weights also shift the probabilities. Where those are needed, leave the weights alone and move
# the threshold.
