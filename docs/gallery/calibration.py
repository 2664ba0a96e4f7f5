"""
Are probabilities right?
========================

Of the rows for which a model says 80 %, about 80 % should come true. A long fit without held-out
rows is right about as often as a short one, but too sure of itself: its curve is flatter than the
diagonal.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from chainrule import MLPClassifier

X, y = make_classification(3000, 20, n_informative=8, flip_y=0.15, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=2000, random_state=0)

options = {"hidden_layer_sizes": (100,), "learning_rate_init": 0.005, "random_state": 0}
models = {
    "150 epochs on all rows": MLPClassifier(
        **options, learning_rate="cosine", max_iter=150, n_iter_no_change=np.inf
    ),
    "stopped by the loss on held-out rows": MLPClassifier(
        **options, early_stopping=True, monitor="loss", validation_fraction=0.2
    ),
}

figure, axes = plt.subplots(figsize=(5.6, 5.2), layout="constrained")
for name, model in models.items():
    accuracy = model.fit(X_train, y_train).score(X_test, y_test)
    CalibrationDisplay.from_estimator(
        model, X_test, y_test, n_bins=8, ax=axes, name=f"{name}: {accuracy:.1%} right"
    )
axes.set(xlabel="stated probability of class 1", ylabel="share that was class 1")
axes.legend(fontsize="small")
plt.show()

# %%
# ``TabularClassifier`` learns a temperature from rows held out, and its method ``calibration``
# draws this picture.
