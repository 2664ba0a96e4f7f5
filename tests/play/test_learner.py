"""A reader of the chapter: open the page, read the chain rule of w11, step, go back, edit."""

import pytest

from chainrule import Network, steps
from chainrule.app.play.settings import Settings

pytestmark = pytest.mark.slow

# the chapter's worked example: the derivative of w11, and its factors from the loss to the input
W11 = -0.042788606104685496
FACTORS = {
    "dL/dz2[1]": -1.1568061351575283,
    "dz2[1]/da1[1]": 0.1528,
    "da1[1]/dz1[1]": 0.5890404340586651 * (1.0 - 0.5890404340586651),
    "dz1[1]/dw1[1,1]": 1.0,
}


def choose(page, place):
    page.dispatch_event(f'[data-place="{place}"]', "click")
    page.wait_for_selector(".verdict strong")


def test_a_learner_reads_the_chapters_numbers(open_page, until, number):
    page = open_page()
    assert number(page, "#loss-number") == pytest.approx(0.3345501085845244, rel=1e-14)
    choose(page, "1:0:0")
    assert number(page, "#chain-total") == pytest.approx(W11, rel=1e-12)
    assert page.inner_text("#chain-total").startswith("−0.0427")
    for name, value in FACTORS.items():
        assert number(page, f'[data-name="{name}"]') == pytest.approx(value, rel=1e-12)
    assert "passed" in page.inner_text(".verdict")
    page.fill("#set-learning_rate", "1")
    page.press("#set-learning_rate", "Enter")
    until(page, "document.querySelector('#chain-after').dataset.value > 0.03")
    assert number(page, "#chain-after") == pytest.approx(0.0374886061046855, rel=1e-12)
    page.click("#step")
    until(page, "document.querySelector('#step-number').dataset.value === '1'")
    assert number(page, "#chain-weight") == pytest.approx(0.0374886061046855, rel=1e-12)
    page.click("#back")
    until(page, "document.querySelector('#step-number').dataset.value === '0'")
    assert number(page, "#chain-weight") == -0.0053
    page.fill("#weight-value", "0.5")
    page.press("#weight-value", "Enter")
    until(page, "document.querySelector('#chain-weight').dataset.value === '0.5'")
    page.wait_for_selector(".verdict.good")
    page.click("#back")
    until(page, "document.querySelector('#chain-weight').dataset.value === '-0.0053'")


def test_a_factor_opens_to_the_loss(open_page, until, number):
    page = open_page("&data=xor&units=3,2&activations=tanh,tanh&start=drawn")
    until(page, "document.querySelectorAll('.edge').length === 3*3 + 2*4 + 3")
    page.select_option("#scope", "3")
    until(page, "document.querySelector('#scope').value === '3'")
    choose(page, "1:0:0")
    inside = page.locator(".part.opens")
    before = inside.count()
    assert before > 0
    path = inside.first.get_attribute("data-path")
    inside.first.click()
    page.wait_for_selector(f'[data-path="{path}"][aria-expanded="true"]')
    assert page.locator(".inside").count() == 1
    page.locator(f'[data-path="{path}"]').first.click()
    page.wait_for_selector(f'[data-path="{path}"][aria-expanded="false"]')


def test_every_number_of_the_picture_is_pythons(open_page, until, session):
    page = open_page("&data=moons&units=4,3&activations=relu,tanh")
    until(page, "document.querySelectorAll('.edge').length === 12 + 15 + 4")
    page.click("#epoch")
    until(page, "document.querySelector('#epoch-number').dataset.value === '1'")
    settings = Settings().changed(data="moons", units=[4, 3], activations=["relu", "tanh"])
    x, y = settings.arrays
    train, _ = settings.split()
    network = Network(*settings.network.layers)
    for made in steps(network, x[train], y[train], loss=settings.loss, learning_rate=0.1,
                      batch_size=32, epochs=1, parameters=settings.parameters,
                      engine="reference"):  # fmt: skip
        last = made
    expected = last.parameters.vector
    shown = page.eval_on_selector_all(".network .edge", "all => all.map(one => one.dataset)")
    found = {one["place"]: float(one["value"]) for one in shown}
    layout = network.layout
    for number, (weight, bias) in enumerate(layout.layers, start=1):
        for index in range(weight.start, weight.stop):
            unit, to = divmod(index - weight.start, weight.shape[1])
            assert found[f"{number}:{unit}:{to}"] == expected[index]
        for index in range(bias.start, bias.stop):
            assert found[f"{number}:b:{index - bias.start}"] == expected[index]


def test_the_page_begins_with_any_data(open_page, session):
    for data in ("iris", "sine", "line", "blobs", "digits"):
        session.answer({"action": "change", "settings": {"data": data}})
        page = open_page()
        assert page.input_value("#set-data") == data
        assert page.locator(".edge, .weight-cell").count() > 0
        page.context.close()
    page = open_page()
    page.reload()
    page.wait_for_selector("#step-number")


def test_play_and_pause(open_page, until, session):
    page = open_page("&data=circles&units=6&activations=tanh")
    page.click("#play")
    until(page, "Number(document.querySelector('#step-number').dataset.value) > 20")
    page.click("#play")
    until(page, "document.querySelector('#play').textContent === 'Play'")
    page.click("#reset")
    until(page, "document.querySelector('#step-number').dataset.value === '0'")
    assert session.run.moment.step == 0


def test_a_breaker_is_told_why(open_page, until, number):
    page = open_page()
    page.fill("#set-learning_rate", "10")
    page.press("#set-learning_rate", "Enter")
    until(page, "location.hash.includes('learning_rate=10')")
    for _ in range(12):
        page.click("#step")
        page.wait_for_timeout(50)
        if page.is_visible(".banner"):
            break
    words = page.inner_text(".banner")
    assert "The rate 10 is too high" in words
    assert "Training stopped at step" in words
    assert "times their own size" in words
    page.click("#try-rate")
    page.wait_for_selector(".banner", state="hidden")
    until(page, "document.querySelector('#step-number').dataset.value === '0'")
    assert float(page.input_value("#set-learning_rate")) < 10


def test_a_file_is_learnt_and_a_large_one_refused(open_page, until, tmp_path):
    page = open_page()
    page.evaluate("document.querySelector('#own-rows').open = true")
    small, large = tmp_path / "small.csv", tmp_path / "large.csv"
    small.write_text("a,b\n" + "\n".join(f"{k},{k % 2}" for k in range(30)), encoding="utf-8")
    large.write_bytes(b"a,b\n" + 600_000 * b"1,2\n")
    page.set_input_files("#pasted-file", large)
    page.wait_for_selector(".error:not([hidden])")
    assert "large.csv has 2.4 MB" in page.inner_text(".error")
    page.set_input_files("#pasted-file", small)
    page.wait_for_selector("text=small.csv is chosen.")
    page.click("#learn-table")
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert "30 rows" in page.inner_text(".said")


def test_a_plateau_is_shown_and_dismissed(open_page, until, session):
    page = open_page("&data=xor&start=zeros&learning_rate=0.5")
    until(page, "document.querySelector('#set-start').value === 'zeros'")
    page.fill("#until", "130")
    page.select_option("#speed", "4")
    page.click("#play")
    page.wait_for_selector(".notice:not([hidden])")
    assert "A plateau" in page.inner_text(".notice")
    assert "this may be a minimum" in page.inner_text(".notice")
    page.dispatch_event('[data-place="1:0:0"]', "click")
    page.wait_for_selector(".title-line .badge")
    assert page.is_visible(".notice")
    page.click("#dismiss")
    page.click("#step")
    until(page, "document.querySelector('#step-number').dataset.value === '131'")
    assert page.is_hidden(".notice")
