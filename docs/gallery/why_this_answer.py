"""
Why this answer?
================

What each column adds to the answer for one row, compared with the typical row of the table. The
bars lead from the typical answer to that of the row, and add up to their difference.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from chainrule import TabularRegressor

frame = load_diabetes(as_frame=True, scaled=False).frame
X, y = frame.drop(columns="target"), frame["target"]
X["sex"] = X["sex"].map({1.0: "f", 2.0: "m"})

model = TabularRegressor(n_folds=3, random_state=0).fit(X, y)
why = model.why(X, row=10)
why.plot()
plt.show()

# %%
print(why)
assert why.complete
