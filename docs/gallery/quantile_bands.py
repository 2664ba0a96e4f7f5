"""
Quantile bands
==============

One network with the quantile loss answers with three numbers: one that a tenth of the targets lie
below, the median, and one that a tenth lie above. The band is as wide as the targets scatter at
each place.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPRegressor, losses

random = np.random.default_rng(0)
x = np.sort(random.uniform(-3.0, 3.0, 600))
y = np.sin(2.0 * x) + (0.1 + 0.25 * np.abs(x)) * random.normal(size=x.size)
X = x[:, None]

model = MLPRegressor(
    losses.get("quantile", q=(0.1, 0.5, 0.9)),
    (64, 64),
    "silu",
    learning_rate="cosine",
    learning_rate_init=0.01,
    batch_size=32,
    max_iter=150,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(X, y)

low, median, high = model.predict_quantiles(X).T
inside = np.mean((low <= y) & (y <= high))
figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
axes.plot(x, y, ".", color="0.6", markersize=3, label="targets")
axes.fill_between(x, low, high, alpha=0.3, label=f"10 % to 90 %: {inside:.0%} of the targets")
axes.plot(x, median, label="median")
axes.set(xlabel="x", ylabel="y")
axes.legend()
plt.show()
