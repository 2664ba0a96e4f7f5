"""
Where networks disagree
=======================

Twelve networks of different seeds agree where there are rows, and disagree where there are none.
The spread of their answers is a warning, not an interval: it knows nothing of the noise in the
targets.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPRegressor

random = np.random.default_rng(0)
x = np.concatenate([random.uniform(-3.0, -1.0, 60), random.uniform(0.5, 2.5, 60)])
y = np.sin(2.0 * x) + 0.1 * random.normal(size=x.size)

model = MLPRegressor(
    hidden_layer_sizes=(50, 50),
    activation="tanh",
    n_estimators=12,
    learning_rate="cosine",
    learning_rate_init=0.01,
    batch_size=32,
    max_iter=200,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(x[:, None], y)

grid = np.linspace(-4.5, 4.0, 300)
mean, spread = model.predict(grid[:, None]), model.predict_std(grid[:, None])
figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for number, member in enumerate(model.estimators_):
    label = "12 networks" if number == 0 else None
    axes.plot(grid, member.predict(grid[:, None]), color="0.7", linewidth=0.7, label=label)
axes.plot(x, y, "k.", markersize=3, label="rows")
axes.plot(grid, mean, label="their mean")
axes.fill_between(grid, mean - 2.0 * spread, mean + 2.0 * spread, alpha=0.25, label="2 spreads")
axes.set(xlabel="x", ylabel="y", ylim=(-3.0, 3.0))
axes.legend(ncols=2, loc="lower center")
plt.show()
