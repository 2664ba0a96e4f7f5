"""The journeys of a learner, a practitioner and a breaker, by keyboard alone."""

import pytest

from chainrule.app.__main__ import main
from chainrule.app.predict import known_targets
from chainrule.app.table_models import read_table_model
from chainrule.app.tables import read_table

pytestmark = pytest.mark.slow


def test_a_learner(open_page, by_keys, until, number):
    page = open_page()
    keys = by_keys(page)
    keys.tab_to("#tour-start")
    keys.press("Enter")
    page.wait_for_selector("#tour-next")
    keys.tab_to("#tour-next")
    for stop in (2, 3, 4):
        keys.press("Enter")
        until(page, f"document.querySelector('#tour-title').textContent.startsWith('{stop} of 9')")
    assert keys.at("#tour-next")
    keys.tab_to(".edge")
    assert keys.at('[data-place="1:0:0"]')
    keys.press("Enter")
    page.wait_for_selector(".verdict strong")
    assert number(page, "#chain-total") == pytest.approx(-0.0428, abs=5e-5)
    assert keys.at("#chain-title")
    keys.tab_to("#weight-value")
    keys.write("0.25")
    keys.press("Enter")
    until(page, "document.querySelector('#chain-weight').dataset.value === '0.25'")
    page.wait_for_selector(".verdict.good")
    keys.tab_to("input[type=range]", "Shift+Tab")
    keys.press("ArrowRight")
    until(page, "document.querySelector('#chain-weight').dataset.value !== '0.25'")
    page.wait_for_selector(".verdict.good")
    assert keys.at("input[type=range]")
    keys.press("Escape")
    keys.arrives('.edge[data-place="1:0:0"]')
    assert page.is_hidden("#weight-value")


def test_a_practitioner(served, table, tmp_path, open_at, by_keys, until, number):
    model = tmp_path / "people.chainrule"
    assert main(["fit", str(table), "--target", "class", "--out", str(model),
                 "--hidden", "24,8", "--epochs", "5", "-q"]) == 0  # fmt: skip
    _, address = served(model, table)
    page = open_at(address)
    keys = by_keys(page)
    until(page, "document.querySelector('#set-data').value === 'own'")
    keys.tab_to("#scope")
    keys.press("End")
    keys.tab_to("#scope-row")
    keys.write("8")
    keys.press("Enter")
    until(page, "document.querySelector('#answer').textContent.startsWith('Row 8:')")
    keys.tab_to(".matrix-box button")
    keys.press("Tab")
    assert keys.reads("Layer 2:")
    keys.press("Enter")
    until(page, "document.querySelector('.weight-cell').dataset.place.startsWith('2:')")
    assert keys.reads("Layer 2:")
    keys.tab_to(".weight-cell")
    for key in ("ArrowDown", "ArrowRight", "ArrowDown"):
        keys.press(key)
    assert keys.at('[data-place="2:2:1"]')
    keys.press("Enter")
    page.wait_for_selector(".verdict strong")
    keys.arrives("#chain-title")
    known = read_table_model(str(model))
    frame = read_table(str(table), texts=known.texts)
    y, _ = known_targets(known, frame["class"])
    found = known.estimator.explain(frame, y).weight(layer=2, unit=3, to=2, sample=8)
    assert number(page, "#chain-total") == found.tree.value
    assert number(page, "#chain-after") == found.update.after
    shown = page.eval_on_selector_all(".tree [data-name]", "all => all.map(one => one.dataset)")
    factors = {one["name"]: float(one["value"]) for one in shown}
    assert factors == {part.name.text: part.value for part in found.tree.parts}
    keys.tab_to(".part.opens")
    for expanded in ("true", "false"):
        keys.press("Enter")
        keys.arrives(f'.part.opens[aria-expanded="{expanded}"]')
    keys.press("Escape")
    keys.arrives('.weight-cell[data-place="2:2:1"]')
    page.reload()
    page.wait_for_selector("#step-number")
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert page.is_hidden(".error")


def test_a_breaker(open_page, by_keys, until, session):
    page = open_page()
    keys = by_keys(page)
    keys.tab_to("#set-learning_rate")
    keys.write("10")
    keys.press("Enter")
    until(page, "location.hash.includes('learning_rate=10')")
    keys.tab_to("#step", "Shift+Tab")
    while not page.is_visible(".banner"):
        made = session.run.moment.step
        assert made < 12
        keys.press("Enter")
        until(page, f"document.querySelector('#step-number').dataset.value > {made} "
                    "|| !document.querySelector('.banner').hidden")  # fmt: skip
    assert "The rate 10 is too high" in page.inner_text(".banner")
    assert keys.at("#step")
    keys.tab_to("#back-before")
    before = page.inner_text("#back-before")
    keys.press("Enter")
    page.wait_for_selector(".banner", state="hidden")
    assert before == f"Back to step {session.run.moment.step}"
    keys.arrives("#play")
    keys.tab_to("#step", "Shift+Tab")
    made = session.run.moment.step + 1
    keys.press("Enter")
    until(page, f"document.querySelector('#step-number').dataset.value === '{made}'")
    keys.tab_to("#own-rows summary")
    keys.press("Enter")
    keys.tab_to("#pasted")
    keys.write("a,b\n1\n2,3,4\n")
    keys.tab_to("#learn-table")
    keys.press("Enter")
    page.wait_for_selector(".error:not([hidden])")
    assert page.inner_text(".error").endswith(".")
    assert keys.at("#learn-table")
    assert session.settings.data == "chapter"
    keys.tab_to("#back", "Shift+Tab")
    keys.press("Enter")
    until(page, f"document.querySelector('#step-number').dataset.value === '{made - 1}'")
    assert page.is_hidden(".error")


def test_a_form_that_is_built_again_keeps_the_focus(open_page, by_keys, until):
    page = open_page("&data=moons")
    keys = by_keys(page)
    until(page, "document.querySelector('#set-data').value === 'moons'")
    keys.tab_to(".layer input")
    keys.write("5")
    keys.press("Enter")
    until(page, "location.hash.includes('units=5')")
    assert keys.at(".layer input")
    keys.tab_to(".layers button")
    for count in (2, 3):
        keys.press("Enter")
        until(page, f"document.querySelectorAll('.layer').length === {count}")
        assert keys.reads("Add a layer")
    keys.tab_to("summary:has(+ .tables)")
    keys.press("Enter")
    keys.tab_to('.cell[data-place="1:0:0"]')
    keys.press("Enter")
    keys.arrives("#chain-title")
    keys.press("Escape")
    keys.arrives('.cell[data-place="1:0:0"]')
    keys.press("Enter")
    keys.tab_to(".bar")
    row = page.evaluate("document.activeElement.textContent.match(/row (\\d+)/)[1]")
    keys.press("Enter")
    until(page, f"document.querySelector('#answer').textContent.startsWith('Row {row}:')")
    assert not keys.at("body")
