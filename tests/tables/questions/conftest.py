"""A table with numbers, categories, flags and dates, and models of it."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from chainrule import TabularClassifier, TabularRegressor

N = 400


class Case:
    """A table, targets of both kinds, and models fitted on them."""

    def __init__(self) -> None:
        random = np.random.default_rng(17)
        age, income = random.uniform(18, 80, N), random.lognormal(3.0, 0.5, N)
        town = random.choice(["Bern", "Genf", "Rom"], N, p=[0.6, 0.3, 0.1])
        self.frame = pl.DataFrame(
            {
                "age": [None if n % 23 == 4 else float(one) for n, one in enumerate(age)],
                "town": town,
                "member": random.random(N) < 0.4,
                "since": [dt.date(2015, 1, 1) + dt.timedelta(days=7 * n) for n in range(N)],
                "noise": random.normal(size=N),
            }
        )
        signal = (age - 49.0) / 12.0 + 1.5 * (town == "Bern") - 0.7
        self.labels = np.where(signal + random.normal(size=N) > 0.0, "yes", "no")
        self.kinds = np.where(age < 35, "young", np.where(town == "Rom", "roman", "other"))
        self.prices = 100.0 * signal + 0.1 * income + 5.0 * random.normal(size=N)
        options = {"max_iter": 25, "learning_rate_init": 0.01}
        how = {"n_folds": 3, "encoding": "target", "random_state": 0, "options": options}
        self.classifier = TabularClassifier(**how).fit(self.frame, self.labels)
        self.several = TabularClassifier(**how).fit(self.frame, self.kinds)
        self.regressor = TabularRegressor(**how).fit(self.frame, self.prices)

    def of(self, name):
        """Return a model and its targets."""
        targets = {"classifier": self.labels, "several": self.kinds, "regressor": self.prices}
        return getattr(self, name), targets[name]


@pytest.fixture(scope="session")
def case():
    return Case()


@pytest.fixture
def drawn():
    """Render a display, so that a picture that cannot be drawn is found."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    def draw(display):
        display.figure_.canvas.draw()
        return display

    yield draw
    plt.close("all")
