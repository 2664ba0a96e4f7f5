"""
What dropout does
=================

Sixty rows of pure noise: there is nothing to learn, so a good network should not be sure of
anything. A wide network learns them by heart all the same; dropout makes that harder.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPClassifier

random = np.random.default_rng(0)
X, y = random.normal(size=(60, 10)), random.integers(0, 2, 60)
X_new = random.normal(size=(2000, 10))

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for dropout in (0.0, 0.5, 0.8):
    model = MLPClassifier(
        (200,),
        dropout=dropout,
        learning_rate="cosine",
        learning_rate_init=0.02,
        max_iter=100,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, y)
    sure = model.predict_proba(X_new).max(axis=1)
    axes.hist(sure, np.linspace(0.5, 1.0, 26), histtype="step", linewidth=2, label=f"{dropout:g}")
axes.set(xlabel="probability of the predicted class on new rows", ylabel="rows")
axes.legend(title="dropout", loc="upper center")
plt.show()

# %%
# Each step leaves other units out, so no unit can rely on another one to mend its errors. For
# predictions all units are used.
