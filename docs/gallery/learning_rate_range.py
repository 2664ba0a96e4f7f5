"""
Find a learning rate
====================

The same network from the same start on the same batches at five rates, with a verdict in words;
and a range test, in which the rate rises step by step until the loss does.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from chainrule import Dense, Network
from chainrule.insight.displays import LearningRateDisplay
from chainrule.insight.learning_rate import learning_rate_report

X, y = load_digits(return_X_y=True)
network = Network(Dense(64, 32, "relu"), Dense(32, 10))
report = learning_rate_report(
    network, "categorical_cross_entropy", X / 16.0, y, optimizer="adam", batch_size=64
)

display = LearningRateDisplay(report).plot()
display.ax_.set_title("five rates, 100 steps each")
plt.show()

# %%
# Good rates lie left of the lowest point, where the loss still falls quickly.

display.plot_range()
display.ax_.set_title("range test")
plt.show()
