"""The address of the page: its settings, Back and forward of the browser, and edits by hand."""

import numpy as np
import pytest

from chainrule import InputError
from chainrule.app.play.own_rows import of_arrays
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings


def test_a_link_means_the_same_from_anywhere():
    link = {"data": "moons", "units": [5], "learning_rate": 0.5}
    session = Session(Settings().changed(data="circles", l2=0.1, optimizer="adam"))
    session.answer({"action": "link", "settings": link})
    assert session.settings == Settings().changed(**link)
    session.answer({"action": "step"})
    header, _ = session.answer({"action": "link", "settings": {**link, "learning_rate": 1.0}})
    assert (header["step"], header["rate"]) == (1, 1.0)
    header, _ = session.answer({"action": "link", "settings": {}})
    assert (header["step"], session.settings) == (0, Settings())


def test_a_link_keeps_the_rows_of_ones_own():
    session = Session(Settings().with_own(of_arrays(np.eye(4)[:, :2], [0, 1, 1, 0])))
    own = session.settings.to_dict()
    session.answer({"action": "link", "settings": {"data": "moons"}})
    header, _ = session.answer({"action": "link", "settings": own})
    assert header["settings"] == own
    assert header["rows"] == 4
    with pytest.raises(InputError, match="settings must be"):
        session.answer({"action": "link", "settings": None})


@pytest.mark.slow
def test_back_forward_and_edits_of_the_address(open_page, until, session):
    page = open_page("&data=moons&units=4")
    until(page, "document.querySelectorAll('.edge').length === 12 + 5")
    for rate in ("0.5", "2"):
        page.fill("#set-learning_rate", rate)
        page.press("#set-learning_rate", "Enter")
        until(page, f"location.hash.includes('learning_rate={rate}')")
    page.select_option("#set-data", "xor")
    until(page, "location.hash.includes('data=xor')")

    def goes(way, data, rate):
        page.evaluate(f"history.{way}()")
        until(page, f"document.querySelector('#set-learning_rate').value === '{rate}'")
        until(page, f"document.querySelector('#set-data').value === '{data}'")
        assert (session.settings.data, session.settings.learning_rate) == (data, rate)

    goes("back", "moons", 2)
    goes("back", "moons", 0.5)
    goes("back", "moons", 0.1)
    goes("forward", "moons", 0.5)
    goes("forward", "moons", 2)
    goes("forward", "xor", 2)
    page.evaluate("location.hash = '#data=circles&units=3,2&activations=tanh,relu'")
    until(page, "document.querySelectorAll('.edge').length === 9 + 8 + 3")
    assert session.settings == Settings().changed(
        data="circles", units=[3, 2], activations=["tanh", "relu"]
    )
    until(page, "location.hash.includes('rows=200')")
    page.evaluate("location.hash = '#data=circels'")
    page.wait_for_selector(".error:not([hidden])")
    assert "circles" in page.inner_text(".error")
    until(page, "location.hash.includes('data=circles')")
    goes("back", "circles", 0.1)
    goes("back", "xor", 2)
    assert page.is_hidden(".error")
