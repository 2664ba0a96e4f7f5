"""
Words, without a dense table
============================

Counts of words are nearly all zeros. The network takes the sparse matrix as it is, never makes it
dense, and gives the same bits. The picture shows the words that a network without hidden layers
leans on.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from chainrule import MLPClassifier

good = """the soup was hot and wonderful | friendly staff, wonderful view | fresh bread, great soup
we loved the cake | great coffee and friendly service | the fish was fresh and the view great
wonderful cake, we will come again | a quiet table and fresh fish | loved every bite, great service
hot bread and good coffee | the staff was kind | good soup, kind service, we will come again"""
bad = """the soup was cold and salty | rude staff and a dirty table | old bread, cold coffee
we waited an hour for the cake | slow service and a dirty floor | the fish was old and salty
we will not come again | a noisy table and cold fish | waited forever, rude service
burnt bread and weak coffee | the staff was slow | salty soup, slow service, never again"""
texts = [line.strip() for block in (good, bad) for line in block.replace("\n", "|").split("|")]
y = np.repeat(["good", "bad"], len(texts) // 2)

model = make_pipeline(
    CountVectorizer(),
    MLPClassifier(
        (), alpha=0.01, learning_rate="cosine", learning_rate_init=0.1, max_iter=60, random_state=0
    ),
).fit(texts, y)

words = model[0].get_feature_names_out()
weights = model[1].coefs_[0].ravel()
order = np.argsort(weights)
shown = np.concatenate([order[:9], order[-9:]])
figure, axes = plt.subplots(figsize=(6.5, 4.8), layout="constrained")
axes.barh(words[shown], weights[shown], color=np.where(weights[shown] > 0.0, "C0", "C1"))
axes.set(xlabel="weight of the word: bad < 0 < good", ylabel="word")
plt.show()

# %%
new = ["great fish and kind staff", "slow and salty", "the fish was cold, the staff kind"]
for text, probability in zip(new, model.predict_proba(new)[:, 1], strict=True):
    print(f"{probability:.0%} good: {text}")

# %%
# Of the word counts, so many are not zero:

counts = model[0].transform(texts)
print(f"{counts.nnz} of {counts.shape[0]} x {counts.shape[1]} = {np.prod(counts.shape):,}")
