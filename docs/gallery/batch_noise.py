"""
The noise of a batch
====================

The gradient of a batch is an estimate of that of all rows. Its error falls with the root of the
batch size: four times the rows, and so four times the work, buy twice the accuracy.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainrule import MLPClassifier
from chainrule.insight.displays import GradientNoiseDisplay

X, y = load_digits(return_X_y=True)
X = X / 16.0
options = {"learning_rate": "cosine", "learning_rate_init": 0.01, "random_state": 0}
model = MLPClassifier((32,), max_iter=3, **options).fit(X, y)

display = GradientNoiseDisplay.from_estimator(model, X, y)
display.ax_.set_title("after 3 epochs on the digits")
plt.show()

# %%
# At the noise scale, noise and gradient are of one size. Smaller batches mostly follow noise;
# much larger ones cost more than they tell.
