"""
Decide by cost
==============

Where a missed case costs ten times as much as a false alarm, alarm is right long before the
probability reaches one half. The threshold is found on rows that the answering network has not
seen.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from chainrule import TabularClassifier

data = load_breast_cancer(as_frame=True)
X = data.data[[f"mean {name}" for name in ("texture", "smoothness", "symmetry", "compactness")]]
y = data.target.map({0: "malignant", 1: "benign"})

model = TabularClassifier(n_folds=3, random_state=0).fit(X, y)
cost = {"false positive": 1, "false negative": 10}
decision = model.threshold(X, y, cost=cost, label="malignant")
decision.plot()
plt.show()

# %%
print(decision)
assert decision.threshold < 0.5
