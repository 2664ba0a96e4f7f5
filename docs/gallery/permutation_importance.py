"""
Which columns count?
====================

Shuffle the cells of one column, and see how much worse the answers become. Every row is answered
by networks that have not seen it, so a column that was merely memorised does not look important.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from chainrule import TabularRegressor

frame = load_diabetes(as_frame=True, scaled=False).frame
X, y = frame.drop(columns="target"), frame["target"]

model = TabularRegressor(n_folds=3, random_state=0).fit(X, y)
importance = model.importance(X, y)
importance.plot()
plt.show()

# %%
print(importance)

# %%
# ``s1`` to ``s4`` are four measures of cholesterol that say much the same: when one is shuffled,
# the others still tell it. Little importance does not mean that a column is without use.
