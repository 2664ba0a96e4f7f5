"""
Losses for classes
==================

Cross-entropy charges minus the logarithm of the probability given to what came true: nothing for
certainty that is right, and without bound for certainty that is wrong. By the score, its slope is
simply the probability minus the target.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import activations, losses

loss = losses.binary_cross_entropy
score = np.linspace(-6.0, 6.0, 601)
probability = activations.sigmoid(score)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
for target, style in ((1.0, "-"), (0.0, "--")):
    y = np.full_like(score, target)
    cost, slope = loss(probability, y, reduction="none"), loss.gradient(s=score, y=y)
    left.plot(probability, cost, style, label=f"target {target:g}")
    right.plot(score, slope, style, label=f"target {target:g}")
    assert np.allclose(slope, probability - y)
left.set(title="loss", xlabel="predicted probability of class 1", ylabel="loss")
right.set(title="slope", xlabel="score of the network", ylabel="slope by the score")
left.legend()
for axes in (left, right):
    axes.grid(alpha=0.3)
plt.show()

# %%
# The slope never vanishes where the answer is wrong. With ``mse`` after a sigmoid it would: the
# slope of the sigmoid is nearly 0 where the network is sure, right or not.
