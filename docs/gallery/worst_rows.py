"""
Rows answered worst
===================

The digits that a network misses, with what it says and how sure it is. Looking at them tells
whether the network, the picture or the label is at fault.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16.0, y, test_size=0.5, random_state=0)
model = MLPClassifier(
    (64,), learning_rate="cosine", learning_rate_init=0.01, max_iter=40, random_state=0
).fit(X_train, y_train)

probabilities = model.predict_proba(X_test)
losses = -np.log(probabilities[np.arange(len(y_test)), y_test])
worst = np.argsort(-losses)[:10]

figure, grid = plt.subplots(2, 5, figsize=(9, 4.4), layout="constrained")
for axes, row in zip(grid.flat, worst, strict=True):
    axes.imshow(X_test[row].reshape(8, 8), cmap="gray_r")
    said = probabilities[row].argmax()
    axes.set_title(f"a {y_test[row]}; said {said}, {probabilities[row, said]:.0%}")
    axes.set(xticks=[], yticks=[])
figure.suptitle(f"the ten largest losses of {len(y_test)} test rows")
plt.show()
