"""
The effect of a column
======================

The answer as the cells of one column change and all others stay: thin lines are single rows, the
thick one is their mean. Lines that are not parallel show that the effect depends on other
columns.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes

from chainrule import TabularRegressor

frame = load_diabetes(as_frame=True, scaled=False).frame
X, y = frame.drop(columns="target"), frame["target"]
X["sex"] = X["sex"].map({1.0: "f", 2.0: "m"})

model = TabularRegressor(n_folds=3, random_state=0).fit(X, y)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(10, 4), sharey=True, layout="constrained", width_ratios=(3, 1)
)
model.effect(X, "bmi").plot(left)
model.effect(X, "sex").plot(right)
plt.show()

# %%
# The lines are answers of a model, not of the world: a heavier person in this table would also
# have other blood values, which are held still here.
