"""
Draw a network
==============

``Network.draw`` makes an SVG of the layers, without another package; given parameters, the lines
are the weights, and hovering over one shows its name and value. ``WeightsDisplay`` shows the same
numbers as maps, which also works for wide layers.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris

from chainrule import MLPClassifier
from chainrule.insight.displays import WeightsDisplay

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
options = {"learning_rate": "cosine", "learning_rate_init": 0.02, "max_iter": 60}
model = MLPClassifier((6, 4), "tanh", **options, random_state=0).fit(X, y)

WeightsDisplay.from_estimator(model)
plt.show()

# %%

model.network_.draw(model.parameters_)
