"""
What momentum does
==================

Forty steps of gradient descent in a narrow valley. Along the valley the slope is small; across
it, plain descent must keep the rate small or it diverges. Momentum adds up what successive
gradients have in common, and what alternates cancels.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import optimizers

CURVATURE = np.array([1.0, 25.0])  # the loss is (x1^2 + 25 x2^2) / 2


def path(optimizer, rate, steps=40):
    """Return the points that an optimizer visits."""
    point, memory = np.array([-4.0, 1.0]), ()
    points = [point]
    for step in range(1, steps + 1):
        point, *memory = optimizer(point, CURVATURE * point, *memory, rate=rate, t=step)
        points.append(point)
    return np.array(points)


optimizers_shown = {
    "plain, rate 0.07": path(optimizers.get("sgd"), 0.07),
    "momentum 0.7, rate 0.07": path(optimizers.get("sgd", momentum=0.7), 0.07),
    "Nesterov 0.7, rate 0.03": path(optimizers.get("sgd", momentum=0.7, nesterov=True), 0.03),
}

x1, x2 = np.meshgrid(np.linspace(-4.5, 2.0, 200), np.linspace(-1.4, 1.4, 200))
loss = (x1**2 + 25.0 * x2**2) / 2.0
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4), layout="constrained", width_ratios=(3, 2)
)
left.contour(x1, x2, loss, levels=np.geomspace(0.05, 30.0, 9), colors="0.8")
for name, points in optimizers_shown.items():
    left.plot(*points.T, ".-", linewidth=1, markersize=4, label=name)
    right.semilogy((CURVATURE * points**2).sum(axis=1) / 2.0, label=name)
left.plot(0.0, 0.0, "k*", markersize=10)
left.set(title="the way to the minimum", xlabel="first parameter", ylabel="second parameter")
right.set(title="the loss on the way", xlabel="step", ylabel="loss")
left.legend(loc="lower left", fontsize="small")
plt.show()

# %%
# At the same rate, momentum gains several powers of ten on plain descent. It swings across the
# valley; Nesterov's form looks at the gradient after the push, which damps the swings.
