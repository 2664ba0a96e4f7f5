"""
Several numbers at once
=======================

One network that tells the position of a two-jointed arm from its angles: two outputs, which share
the hidden layers. The loss is the mean over both, so bring targets of different kinds to one unit
first.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import MLPRegressor

random = np.random.default_rng(0)


def hand(angles):
    """Return where the hand is, for the angles of shoulder and elbow."""
    shoulder, elbow = angles.T
    x = np.cos(shoulder) + 0.7 * np.cos(shoulder + elbow)
    y = np.sin(shoulder) + 0.7 * np.sin(shoulder + elbow)
    return np.column_stack([x, y])


angles = random.uniform(0.0, [np.pi, 2.5], size=(600, 2))
model = MLPRegressor(
    hidden_layer_sizes=(64, 64),
    activation="silu",
    batch_size=32,
    learning_rate="cosine",
    learning_rate_init=0.01,
    max_iter=60,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(angles, hand(angles))

time = np.linspace(0.0, 1.0, 60)
movement = np.column_stack([np.pi * (0.1 + 0.8 * time), 1.2 + np.sin(9.0 * time)])
true, told = hand(movement), model.predict(movement)
figure, axes = plt.subplots(figsize=(6.5, 4.4), layout="constrained")
axes.plot(*true.T, color="0.6", linewidth=5, label="where the hand is")
axes.plot(*told.T, "k--", label="where the network says")
axes.set(xlabel="x", ylabel="y", aspect="equal")
axes.legend()
plt.show()

# %%
distance = np.linalg.norm(true - told, axis=1)
print(f"The largest distance is {distance.max():.3f}; the arm is 1.7 long.")
