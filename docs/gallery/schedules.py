"""
Schedules of the learning rate
==============================

What each schedule makes of a rate of 0.1 over 100 epochs of 10 steps. Large steps find the
region, and small ones settle in it.
"""

import matplotlib.pyplot as plt
import numpy as np

from chainrule import schedules

epochs, steps_per_epoch = 100, 10
total = epochs * steps_per_epoch
shown = {
    "constant": schedules.get("constant"),
    "invscaling": schedules.get("invscaling"),
    "step, every 30 epochs": schedules.get("step", every=30, factor=0.3),
    "cosine": schedules.get("cosine"),
    "one_cycle": schedules.get("one_cycle"),
}

figure, axes = plt.subplots(figsize=(7.5, 4), layout="constrained")
for (name, record), style in zip(shown.items(), ("-", "--", "-.", "-", ":"), strict=True):
    rates = record.rates(0.1, 0, total, steps_per_epoch=steps_per_epoch, total_steps=total)
    axes.plot(np.arange(total) / steps_per_epoch, rates, style, label=name)
axes.set(xlabel="epoch", ylabel="learning rate")
axes.legend()
axes.grid(alpha=0.3)
plt.show()

# %%
# A seventh, ``adaptive``, has no curve of its own: it divides the rate by 5 whenever training
# stops making progress.
