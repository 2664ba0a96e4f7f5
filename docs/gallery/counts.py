"""
Counts
======

How many, not how much: the Poisson loss fits expected counts, which are never negative, and it
knows that large counts scatter more. The squared error takes the same scatter seriously
everywhere.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPRegressor

random = np.random.default_rng(0)
hour = np.sort(random.uniform(0.0, 24.0, 300))
expected = (
    0.05 + 9.0 * np.exp(-((hour - 8.0) ** 2) / 3.0) + 12.0 * np.exp(-((hour - 17.5) ** 2) / 5.0)
)
counts = random.poisson(expected)
X = (hour[:, None] - 12.0) / 6.0

figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
axes.plot(hour, counts, ".", color="0.6", markersize=4, label="counts")
axes.plot(hour, expected, "k:", label="the truth")
for loss, style in (("poisson", "-"), ("squared_error", "--")):
    model = MLPRegressor(
        loss,
        (32, 32),
        "tanh",
        learning_rate="cosine",
        learning_rate_init=0.01,
        batch_size=32,
        max_iter=150,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, counts)
    answers = model.predict(X)
    axes.plot(hour, answers, style, label=f"{loss}, least answer {answers.min():.2f}")
axes.set(xlabel="hour of the day", ylabel="bicycles per five minutes", xticks=range(0, 25, 4))
axes.legend()
plt.show()
