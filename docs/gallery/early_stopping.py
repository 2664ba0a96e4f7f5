"""
Stop by a metric of your own
============================

A network that trains on learns its training rows by heart. Held-out rows tell when to stop, by
any measure that counts for you: here the mean cost of mistakes, where a missed tumour counts ten
times.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

from chainrule import MLPClassifier
from chainrule.insight.displays import LossCurveDisplay

X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X[:, :10])


def minus_cost(estimator, X, y):
    """Return minus the mean cost of the decisions; more is better."""
    decided = estimator.predict(X)
    missed = (y == 0) & (decided == 1)  # class 0 is malignant
    alarmed = (y == 1) & (decided == 0)
    return -float((10.0 * missed + alarmed).mean())


model = MLPClassifier(
    (64, 64),
    learning_rate_init=0.003,
    early_stopping=True,
    validation_fraction=0.3,
    monitor=minus_cost,
    n_iter_no_change=25,
    random_state=0,
).fit(X, y)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
LossCurveDisplay.from_estimator(model, ax=left)
left.set_title("losses")
costs = [-score for score in model.validation_scores_]
right.plot(range(1, len(costs) + 1), costs)
best = costs.index(min(costs))
right.plot(best + 1, costs[best], "o", label=f"kept: epoch {best + 1}")
right.set(title="what is watched", xlabel="epoch", ylabel="mean cost on held-out rows")
right.legend()
plt.show()

# %%
# The lowest loss and the lowest cost are not at the same epoch. ``monitor`` also takes names of
# scikit-learn's scorers, such as ``"roc_auc"``.

print(model.stopped_because_, "after", model.n_iter_, "epochs")
