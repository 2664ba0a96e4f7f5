"""
In a pipeline, in a grid search
===============================

The estimators are scikit-learn's in form, so its pipelines and searches take them. Here: a
scaler, the network, and a search over width and penalty by five splits.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from chainrule import MLPClassifier

X, y = load_wine(return_X_y=True)
model = make_pipeline(
    StandardScaler(),
    MLPClassifier(
        activation="tanh",
        learning_rate="cosine",
        learning_rate_init=0.01,
        max_iter=40,
        n_iter_no_change=np.inf,
        random_state=0,
    ),
)
widths, alphas = [(2,), (8,), (32,)], [0.0001, 0.01, 0.1, 1.0]
search = GridSearchCV(
    model,
    {"mlpclassifier__hidden_layer_sizes": widths, "mlpclassifier__alpha": alphas},
    scoring="neg_log_loss",
).fit(X, y)

losses = -search.cv_results_["mean_test_score"].reshape(len(alphas), len(widths))
figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
image = axes.imshow(losses, cmap="cividis_r", aspect="auto")
axes.set_xticks(range(len(widths)), [width[0] for width in widths])
axes.set_yticks(range(len(alphas)), alphas)
axes.set(xlabel="hidden units", ylabel="alpha", title="log loss on held-out rows, lower is better")
for place, value in np.ndenumerate(losses):
    dark = value > losses.mean()
    axes.text(*place[::-1], f"{value:.3f}", ha="center", color="white" if dark else "black")
figure.colorbar(image, label="log loss")
plt.show()

# %%
print(search.best_params_)
