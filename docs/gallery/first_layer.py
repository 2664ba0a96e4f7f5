"""
What the first layer looks for
==============================

Each unit of the first layer has one weight per pixel, so its weights are a picture: purple where
ink speaks for the unit, orange where it speaks against it. An l1 penalty makes the pictures
simple, and clears those of units that are not needed.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from chainrule import MLPClassifier

X, y = load_digits(return_X_y=True)
model = MLPClassifier(
    (16,),
    l1=0.001,
    learning_rate="cosine",
    learning_rate_init=0.02,
    max_iter=60,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(X / 16.0, y)

figure, grid = plt.subplots(2, 8, figsize=(10, 3.2), layout="constrained")
limit = np.abs(model.coefs_[0]).max()
for number, (axes, weights) in enumerate(zip(grid.flat, model.coefs_[0].T, strict=True), start=1):
    image = axes.imshow(weights.reshape(8, 8), cmap="PuOr", vmin=-limit, vmax=limit)
    axes.set(title=f"unit {number}", xticks=[], yticks=[])
figure.colorbar(image, ax=grid, label="weight of the pixel")
figure.suptitle(f"{np.mean(model.predict(X / 16.0) == y):.1%} of the training rows right")
plt.show()
