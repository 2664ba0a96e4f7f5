"""
Several labels per row
======================

A digit can be even, and it can have a loop; both, either or none. With a column of 0 and 1 per
label, one network answers all questions, each with a probability of its own.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier

X, digit = load_digits(return_X_y=True)
labels = {
    "even": digit % 2 == 0,
    "has a loop": np.isin(digit, [0, 6, 8, 9]),
    "more than 4": digit > 4,
}
y = np.column_stack(list(labels.values())).astype(int)
X_train, X_test, y_train, y_test, _, digit_test = train_test_split(
    X / 16.0, y, digit, random_state=0
)

model = MLPClassifier(
    (64,), learning_rate="cosine", learning_rate_init=0.01, max_iter=40, random_state=0
).fit(X_train, y_train)
probabilities = model.predict_proba(X_test)
means = np.array([probabilities[digit_test == number].mean(axis=0) for number in range(10)])

figure, axes = plt.subplots(figsize=(7.5, 3), layout="constrained")
image = axes.imshow(means.T, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
axes.set_yticks(range(len(labels)), labels)
axes.set_xticks(range(10))
axes.set(xlabel="digit of the image", title="mean probability on test rows")
for (number, label), value in np.ndenumerate(means):
    colour = "white" if value > 0.5 else "black"
    axes.text(number, label, f"{value:.2f}", ha="center", va="center", color=colour)
figure.colorbar(image, label="probability")
plt.show()
