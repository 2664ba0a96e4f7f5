"""The report: ten sections for any network, numbers of the run, a page that anyone can read."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from scipy import sparse
from sklearn.datasets import make_moons
from sklearn.metrics import confusion_matrix, log_loss

from chainrule import MLPClassifier, MLPRegressor, Network, explain, load, save_model
from chainrule.foundation.errors import InputError
from chainrule.insight.explanation import Explanation

KEYS = ["card", "data", "training", "gradients", "layers", "row", "steps", "quality", "next"]
VOID = {"meta", "br", "hr", "img", "link", "input"}
EVIL = "<script>alert(1)</script>"

random = np.random.default_rng(8)
X = random.normal(size=(200, 5))
CLASSES = np.array(["a", EVIL, "c & d"])[np.argmax(X[:, :3], axis=1)]
NUMBERS = X[:, 0] - 2.0 * X[:, 1] + random.normal(0.0, 0.1, size=200)
OPTIONS = {"learning_rate": "cosine", "max_iter": 5, "random_state": 0}


def multiclass():
    names = ['<b onclick="x()">', "a&b", 'say "hi"', "long " * 60, "plain"]
    table = pd.DataFrame(X, columns=names)
    model = MLPClassifier((6, 4), **OPTIONS).fit(table, CLASSES)
    return explain(model, table, CLASSES)


def multilabel():
    labels = (X[:, :3] > 0.5).astype(int)
    model = MLPClassifier((6,), "tanh", early_stopping=True, **OPTIONS).fit(X, labels)
    return explain(model, X, labels)


def several_targets():
    y = np.stack([NUMBERS, 10.0 * NUMBERS + 3.0], axis=1)
    model = MLPRegressor(hidden_layer_sizes=(6,), **OPTIONS).fit(X[:150], y[:150])
    return explain(model, X[:150], y[:150], held_out=(X[150:], y[150:]))


def regression(loss):
    y = np.round(np.exp(0.5 * X[:, 0])) if loss == "poisson" else NUMBERS
    return explain(MLPRegressor(loss, (6,), **OPTIONS).fit(X, y), X, y)


def scikit_learns():
    model = sklearn.neural_network.MLPClassifier((6,), max_iter=300, tol=1e-2, random_state=0)
    return explain(model.fit(X, CLASSES), X, CLASSES, held_out=(X[:50], CLASSES[:50]))


def sparse_and_weighted():
    rows = sparse.csr_array(X * (np.abs(X) > 1.0))
    weight = np.where(np.arange(200) % 3 == 0, 0.0, 2.0)
    model = MLPClassifier((6,), **OPTIONS).fit(rows, CLASSES, weight)
    return explain(model, rows, CLASSES, weight)


def bare():
    network = Network.of_widths([5, 6, 1], "tanh")
    return explain((network, network.start(0)), X, NUMBERS)


def by_lbfgs():
    model = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", tol=1e-2).fit(X, NUMBERS)
    return explain(model, X, NUMBERS)


def broken():
    model = MLPRegressor(hidden_layer_sizes=(6,), **OPTIONS).fit(X, NUMBERS)
    model.coefs_[0][0, 0] = np.nan
    return explain(model, X, NUMBERS)


def one_row():
    return explain([(np.ones((5, 2)), None, "tanh"), (np.ones((2, 1)), None, "linear")], X[:1], [1])


KINDS = {
    "multiclass": multiclass,
    "multilabel": multilabel,
    "several targets": several_targets,
    "quantile": lambda: regression("quantile"),
    "poisson": lambda: regression("poisson"),
    "scikit-learn": scikit_learns,
    "sparse and weighted": sparse_and_weighted,
    "bare": bare,
    "lbfgs": by_lbfgs,
    "broken": broken,
    "one row": one_row,
}


@pytest.fixture(scope="module")
def moons():
    """A binary classifier of two inputs, its rows, and rows held out."""
    points, labels = make_moons(400, noise=0.2, random_state=0)
    model = MLPClassifier(
        (12,), "tanh", learning_rate_init=0.02, early_stopping=True, monitor="loss", **OPTIONS
    )
    model.set_params(max_iter=30).fit(points[:300], labels[:300])
    held_out = points[300:], labels[300:]
    return model, explain(model, points[:300], labels[:300], held_out=held_out), held_out


class Page(HTMLParser):
    """What a page is made of; refuses elements that are not closed in their order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.headings, self.tags = [], [], [], []
        self.children: dict[int, list[str]] = {}
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if self.open:
            self.children.setdefault(self.open[-1][1], []).append(tag)
        place = len(self.tags)
        self.tags.append((tag, attributes, [one for one, _ in self.open]))
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append((tag, place))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if not self.open or self.open[-1][0] != "style":
            self.words += data

    def all(self, tag):
        return [(place, one[1]) for place, one in enumerate(self.tags) if one[0] == tag]


def check_page(text):
    """Assert what a page without script, network and mouse needs."""
    assert len(text.encode()) < 500_000
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        assert after <= before + 1
    for landmark in ("header", "nav", "main"):
        assert len(page.all(landmark)) == 1
    assert len(page.all("section")) == 10
    assert page.all("html")[0][1] == {"lang": "en"}
    assert "title" in [tag for tag, _, above in page.tags if above[-1:] == ["head"]]
    for place, _ in page.all("table"):
        assert page.children[place][0] == "caption"
    for _, attributes in page.all("th"):
        assert attributes["scope"] in ("col", "row")
    for place, attributes in page.all("svg"):
        if attributes.get("aria-hidden") != "true":
            assert attributes["role"] == "img"
            assert page.children[place][:2] == ["title", "desc"]
    for place, _ in page.all("figure"):
        assert page.children[place][-1] == "details"
    for tag, attributes, _ in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "img", "link", "form", "b")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in ("src", "srcset", "action")
            if name == "href":
                assert value[0] == "#"
                assert value[1:] in page.ids
            if name == "aria-labelledby":
                assert set(value.split()) <= set(page.ids)
            if "overflow" in name or tag == "pre":
                assert attributes["tabindex"] == "0"
    assert not re.search(r"https?://|url\(|@import", text)
    assert "prefers-color-scheme: dark" in text
    assert "forced-colors: active" in text
    assert "@media print" in text
    return page


@pytest.mark.grid(17)
@pytest.mark.parametrize("kind", KINDS)
def test_any_network_has_a_report(kind):
    explanation = KINDS[kind]()
    report = explanation.report()
    page = check_page(report.to_html())
    assert len(report.sections) == 10
    record = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert [key for key in KEYS if key not in record] == []
    assert len(record["next"]["advice"]) <= 5
    text = report.to_text()
    for number, section in enumerate(report.sections, start=1):
        assert f"{number}. {section.title}" in text
        assert section.title in page.words
    if kind not in ("several targets", "scikit-learn", "broken"):
        assert "no held-out rows were passed" in text
    if kind in ("bare", "one row"):
        assert "Not recorded: the loss of each epoch." in text
    if kind == "scikit-learn":
        losses = record["training"]["loss"]
        assert losses[-1] < losses[0]
        words = f"went from {losses[0]:.4g} to {losses[-1]:.4g} in {len(losses)} epochs"
        assert words in " ".join(text.split())
        assert "Not recorded: the learning rate of each epoch" in text
    if kind == "broken":
        assert "predictions are NaN or infinite" in text
        assert record["row"]["loss"] == "nan"


@pytest.mark.slow
def test_text_from_data_is_escaped():
    explanation = multiclass()
    html = explanation.report().to_html()
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<b " not in html
    assert "c &amp; d" in html
    assert EVIL in explanation.report().to_text()


def test_numbers_are_those_of_the_run(moons):
    model, explanation, (held_x, held_y) = moons
    record = explanation.to_dict()
    assert record["card"]["parameters"] == model.network_.n_parameters
    assert record["card"]["epochs"] == model.n_iter_
    assert record["training"]["loss"] == model.loss_curve_
    assert record["training"]["validation_loss"] == model.validation_loss_curve_
    assert record["training"]["best_epoch"] == 1 + int(np.argmin(model.validation_loss_curve_))
    assert len(record["training"]["learning_rates"]) == model.n_iter_
    quality = record["quality"]
    scores = {one["name"]: one["value"] for one in quality["metrics"]}
    assert quality["rows"] == 100
    assert quality["held_out"] is True
    assert scores["accuracy"] == pytest.approx(model.score(held_x, held_y))
    assert scores["log loss"] == pytest.approx(log_loss(held_y, model.predict_proba(held_x)))
    counts = confusion_matrix(held_y, model.predict(held_x))
    assert quality["confusion"]["counts"] == counts.tolist()
    assert len(quality["boundary"]["prediction"]) == 64 * 64
    chains = record["row"]["chains"]
    sizes = [abs(one["gradient"]) for one in chains[:3]]
    assert sizes == sorted(sizes, reverse=True)
    row, x, y = record["row"]["row"] - 1, explanation.subject.rows.x, explanation.subject.rows.y
    p = model.predict_proba(x)[:, 1:]
    losses = -np.where(y > 0.5, np.log(p), np.log1p(-p))
    assert row == int(np.argmax(losses))
    again = explain(model, x, y.ravel().astype(int), held_out=(held_x, held_y)).report().to_dict()
    assert again["reproduce"] == record["reproduce"]
    assert again["quality"] == quality


def test_numbers_are_in_the_users_scale():
    y = 1000.0 * NUMBERS + 5000.0
    model = MLPRegressor(hidden_layer_sizes=(6,), **OPTIONS).fit(X, y)
    record = explain(model, X, y).to_dict()
    scores = {one["name"]: one["value"] for one in record["quality"]["metrics"]}
    error = model.predict(X) - y
    assert scores["R²"] == pytest.approx(model.score(X, y))
    assert scores["mean absolute error"] == pytest.approx(np.mean(np.abs(error)))
    assert record["quality"]["residuals"][0]["mean"] == pytest.approx(np.mean(error))
    assert record["quality"]["importance"]["loss"] == pytest.approx(np.mean(error**2))
    assert record["data"]["targets"][0]["highest"] == pytest.approx(y.max())


def test_importance_is_that_of_shuffling_and_zero_for_an_unused_column():
    weight = np.array([[2.0], [-1.0], [0.0], [0.5], [0.0]])
    y = (X @ weight).ravel() + 0.1
    found = explain([(weight, [0.0], "linear")], X, y).to_dict()["quality"]["importance"]
    rises = {one["name"]: one["rise"] for one in found["columns"]}
    assert rises["x3"] == rises["x5"] == 0.0
    assert max(rises, key=rises.get) == "x1"
    # shuffling x1 adds 2 (x1' - x1): its mean square is 8 times the variance
    assert rises["x1"] == pytest.approx(8.0 * np.var(X[:, 0]), rel=0.25)


@pytest.mark.slow
def test_columns_of_a_table_are_named_and_shuffled_whole(tmp_path):
    pl = pytest.importorskip("polars")
    from chainrule.interop.preparation import Preparation

    table = pl.DataFrame({"size": X[:, 0], "kind": CLASSES, "other": X[:, 4]})
    preparation = Preparation.fit(table)
    rows = preparation.transform(table)
    model = MLPClassifier((6,), **OPTIONS).fit(rows, CLASSES)
    save_model(tmp_path / "m.chainrule", model, preparation)
    record = load(tmp_path / "m.chainrule").explain(rows, CLASSES).to_dict()
    columns = [one["name"] for one in record["quality"]["importance"]["columns"]]
    assert sorted(columns) == ["kind", "other", "size"]
    assert [one["name"] for one in record["data"]["inputs"]] == list(preparation.feature_names)
    assert record["layers"]["update_known"] is False  # the file has no memory of the optimizer


def test_saves_one_whole_file(moons, tmp_path):
    _, explanation, _ = moons
    place = tmp_path / "report.html"
    explanation.save(place)
    page = check_page(place.read_text(encoding="utf-8"))
    assert "Map of the probability of 1" in page.words
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    for form in (explanation._repr_html_(), explanation._repr_mimebundle_()["text/html"]):
        assert "<body" not in form
        assert '<div class="chainrule-report">' in form
    assert explanation._repr_mimebundle_()["text/plain"] == explanation.to_text()
    assert repr(explanation) == "Explanation of a network 2 > 12 > 1 on 300 rows"


def test_an_unwritable_path_is_refused_before_any_work(moons, tmp_path, monkeypatch):
    _, explanation, _ = moons
    fresh = Explanation(explanation.subject)
    monkeypatch.setattr(Explanation, "report", lambda self: pytest.fail("computed"))
    with pytest.raises(InputError, match=r"cannot write .*: it is a folder"):
        fresh.save(tmp_path)
    with pytest.raises(InputError, match="there is no folder"):
        fresh.save(tmp_path / "no" / "report.html")


def test_a_failed_write_leaves_the_old_file(moons, tmp_path, monkeypatch):
    _, explanation, _ = moons
    place = tmp_path / "report.html"
    place.write_text("old")

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("chainrule.foundation.files.os.replace", fail)
    with pytest.raises(InputError, match="No space left"):
        explanation.save(place)
    assert place.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.slow
def test_works_without_the_converter_of_mathml(moons, monkeypatch):
    _, explanation, _ = moons
    monkeypatch.setitem(__import__("sys").modules, "latex2mathml.converter", None)
    html = explanation.report().to_html()
    assert "<math" not in html
    assert "dL/dw2[" in Page(html).words


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        ((X,), "held_out must be"),
        ((X[:, :2], NUMBERS), "features"),
        ((X, NUMBERS[:5]), "inconsistent numbers of samples"),
    ],
)
def test_held_out_rows_are_checked(held_out, message):
    model = MLPRegressor(hidden_layer_sizes=(2,), **OPTIONS).fit(X, NUMBERS)
    with pytest.raises(ValueError, match=message):
        explain(model, X, NUMBERS, held_out=held_out)


@pytest.mark.slow
def test_a_row_can_be_chosen(moons):
    _, explanation, _ = moons
    record = explanation.report(row=7).to_dict()["row"]
    assert record["row"] == 7
    assert record["inputs"] == explanation.subject.rows.x[6].tolist()
    assert {chain["row"] for chain in record["chains"]} == {7}
    for row in (0, 301):
        with pytest.raises(InputError, match=f"row must be from 1 to 300; got {row}"):
            explanation.report(row=row)


def test_making_an_explanation_computes_nothing(monkeypatch):
    model = MLPRegressor(hidden_layer_sizes=(2,), **OPTIONS).fit(X, NUMBERS)
    monkeypatch.setattr("chainrule.training.row_blocks.row_blocks", lambda *a: pytest.fail("work"))
    assert isinstance(explain(model, X, NUMBERS), Explanation)
