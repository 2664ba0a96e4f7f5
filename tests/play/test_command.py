"""`chainrule play` as a process: a table, a model with rows, refusals, and Ctrl-C."""

import signal

import httpx
import pytest

from chainrule.app.__main__ import main
from chainrule.app.predict import known_targets
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import read_table

pytestmark = pytest.mark.slow


def test_ctrl_c_ends_the_page(served):
    process, address = served()
    assert httpx.get(address).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


def test_a_practitioner_opens_a_model_with_rows(served, table, tmp_path, open_at, until, number):
    model = tmp_path / "people.chainrule"
    assert main(["fit", str(table), "--target", "class", "--out", str(model),
                 "--hidden", "24,8", "--epochs", "5", "-q"]) == 0  # fmt: skip
    _, address = served(model, table)
    page = open_at(address)
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert page.is_disabled("#set-loss")
    page.select_option("#scope", label="one row")
    page.wait_for_selector("#scope-row:not([hidden])")
    page.fill("#scope-row", "8")
    page.press("#scope-row", "Enter")
    until(page, "document.querySelector('#answer').textContent.startsWith('Row 8:')")
    page.click("button:has-text('Layer 2:')")
    page.click('[data-place="2:2:1"]')
    page.wait_for_selector(".verdict strong")
    known = read_table_model(str(model))
    frame = read_table(str(table), texts=known.texts)
    y, _ = known_targets(known, frame["class"])
    explanation = known.estimator.explain(frame, y)
    found = explanation.weight(layer=2, unit=3, to=2, sample=8)
    assert number(page, "#chain-total") == found.tree.value
    assert number(page, "#chain-weight") == found.weight
    assert number(page, "#chain-after") == found.update.after
    shown = page.eval_on_selector_all(".tree [data-name]", "all => all.map(one => one.dataset)")
    factors = {one["name"]: float(one["value"]) for one in shown}
    assert factors == {part.name.text: part.value for part in found.tree.parts}
    assert found.check.status in page.inner_text(".verdict")
    assert "the target is " + frame["class"][7] in page.inner_text("#answer")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_table_is_learnt(served, table):
    _, address = served(table, "--target", "class")
    page, _, token = address.partition("#token=")
    headers = {"X-Chainrule-Token": token}
    answer = httpx.post(f"{page}act", json={"action": "epoch"}, headers=headers, timeout=30)
    assert answer.status_code == 200
    assert b'"data": "own"' in answer.content


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.csv"], "nothing.csv"),
        (["iris", "more.csv"], "ROWS must be left out"),
        (["model.chainrule"], "ROWS must be a table"),
        (["model.chainrule", "x.csv", "--target", "y"], "--target must be left out"),
        (["--target", "y"], "--target must be given with a table"),
        (["--port", "70000"], "--port must be from 0 to 65535"),
    ],
)
def test_what_cannot_be_opened_is_one_sentence(arguments, words, capsys):
    assert main(["play", *arguments, "--no-browser"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
