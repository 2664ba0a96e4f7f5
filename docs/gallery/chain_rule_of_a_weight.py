"""
The chain rule of one weight
============================

The derivative of the mean loss by one weight is the mean over the rows of a product: how the loss
changes with the score, times how the score changes with the weight. Each point is a row, and the
rectangle between it and the origin is its term.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from chainrule import MLPClassifier

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
options = {"learning_rate": "cosine", "learning_rate_init": 0.02, "max_iter": 15, "alpha": 0.0}
model = MLPClassifier((8,), "tanh", **options, random_state=0).fit(X, y)

explanation = model.explain(X, y)
chain = explanation.weight(layer=2, unit=1, to=2)
factors = np.array(
    [[part.value for part in chain.of_row(row).tree.parts] for row in range(1, len(X) + 1)]
)

figure, axes = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
for label in range(3):
    mine = factors[y == label]
    axes.plot(*mine.T, ".", label=f"rows of class {label}")
largest = factors[np.argmax(np.abs(factors.prod(axis=1)))]
axes.fill_between([0.0, largest[0]], 0.0, largest[1], alpha=0.2, label="the largest term")
axes.axhline(0.0, color="0.7", linewidth=1)
axes.axvline(0.0, color="0.7", linewidth=1)
axes.set(
    title=f"the mean of the products is the gradient, {chain.gradient:.4f}",
    xlabel="how the loss changes with the score of class 1",
    ylabel="how that score changes with the weight",
)
axes.legend()
plt.show()

# %%
# In words and numbers, with the largest terms first, and the check by finite differences:

print(chain)
assert np.isclose(factors.prod(axis=1).mean(), chain.gradient)
