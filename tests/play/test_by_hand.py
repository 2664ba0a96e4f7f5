"""Points drawn by mouse and keyboard, the badge, one row of many, and an optimizer's numbers."""

import numpy as np
import pytest

pytestmark = pytest.mark.slow

CANVAS = ".plane > canvas"


@pytest.fixture
def moons(open_page, until):
    page = open_page("&data=moons&units=4")
    until(page, "document.querySelectorAll('.edge').length === 12 + 5")
    return page


def pixel(page, place):
    """Return where on the screen a place of the map lies."""
    box = page.locator(CANVAS).bounding_box()
    low, high = np.array(RANGE["low"]), np.array(RANGE["high"])
    across, up = (np.array(place) - low) / (high - low)
    scale = box["width"] / 320
    return box["x"] + scale * (34 + across * 276), box["y"] + scale * (10 + (1 - up) * 276)


RANGE = {}


def note_range(session):
    header, arrays = session.answer({"action": "look"})
    a, b, c, d = header["boundary"]["range"]
    RANGE.update(low=[a, c], high=[b, d])
    return arrays["points"]


def distance(session, place):
    """Return how far the nearest point of the data is from a place."""
    return np.min(np.linalg.norm(session.settings.arrays[0] - place, axis=1))


def test_a_point_is_dragged(moons, session, until):
    page = moons
    page.locator(CANVAS).scroll_into_view_if_needed()
    points = note_range(session)
    page.select_option("#tool", "move")
    page.mouse.move(*pixel(page, points[3]))
    page.mouse.down()
    page.mouse.move(*pixel(page, [0.2, 0.1]), steps=4)
    page.mouse.move(*pixel(page, [0.5, 0.25]), steps=4)
    page.mouse.up()
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert distance(session, [0.5, 0.25]) < 0.02
    assert len(session.settings.arrays[0]) == 200


def test_a_drag_ends_where_the_button_is_let_go(moons, session, until):
    """A busy browser may report no move between the last frame and the release."""
    page = moons
    page.locator(CANVAS).scroll_into_view_if_needed()
    points = note_range(session)
    page.select_option("#tool", "move")
    page.mouse.move(*pixel(page, points[3]))
    page.mouse.down()
    page.mouse.move(*pixel(page, [0.2, 0.1]), steps=4)
    x, y = pixel(page, [0.5, 0.25])
    devtools = page.context.new_cdp_session(page)
    release = {"type": "mouseReleased", "x": x, "y": y, "button": "left", "clickCount": 1}
    devtools.send("Input.dispatchMouseEvent", release)
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert distance(session, [0.5, 0.25]) < 0.02


def test_a_click_adds_and_a_drag_moves_with_the_same_tool(moons, session, until):
    page = moons
    page.locator(CANVAS).scroll_into_view_if_needed()
    note_range(session)
    page.select_option("#tool", "1")
    page.mouse.click(*pixel(page, [0.5, 0.25]))
    until(page, "document.querySelector('.said').textContent.startsWith('Row 201 is added')")
    note_range(session)
    page.mouse.move(*pixel(page, [0.5, 0.25]))
    page.mouse.down()
    page.mouse.move(*pixel(page, [-0.5, -0.25]), steps=5)
    page.mouse.up()
    for _ in range(400):
        if distance(session, [-0.5, -0.25]) < 0.02:
            break
        page.wait_for_timeout(25)
    x, y = session.settings.arrays
    near = np.linalg.norm(x - [-0.5, -0.25], axis=1)
    assert near.min() < 0.02
    assert len(x) == 201
    assert y[np.argmin(near)] == 1


def test_a_point_is_moved_by_keyboard(moons, session, until):
    page = moons
    page.select_option("#tool", "move")
    page.focus(CANVAS)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.spoken').textContent.includes('Escape')")
    row = int(page.inner_text(".spoken").split()[1]) - 1
    before = session.answer({"action": "look"})[1]["points"][row]
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#set-data').value === 'own'")
    x = session.settings.arrays[0]
    assert len(x) == 200
    assert not np.any(np.linalg.norm(x - before, axis=1) < 1e-6)
    same_column = np.abs(x[:, 0] - before[0]) < 1e-6
    assert np.count_nonzero(same_column & (x[:, 1] > before[1])) == 1


def test_a_row_is_moved_by_numbers(moons, session, until):
    page = moons
    page.select_option("#tool", "move")
    page.click("summary:has-text('The same by numbers')")
    for label, value in (("row", "2"), ("x1", "1.25"), ("x2", "-0.125")):
        page.fill(f".plane [aria-label='{label}']", value)
    page.click("button:has-text('Do it')")
    until(page, "document.querySelector('#set-data').value === 'own'")
    assert [1.25, -0.125] in session.settings.arrays[0].tolist()


def test_the_badge_is_always_there(moons, until, number):
    page = moons
    until(page, "document.querySelector('#gradients').textContent.includes('✓')")
    assert "15/15" in page.inner_text("#gradients")
    page.click("#epoch")
    until(page, "document.querySelector('#gradients').title.includes('15 of 15')")
    page.click("#gradients")
    page.locator("#gradient-table .opener").first.click()
    page.wait_for_selector(".title-line .badge.good")
    name = page.inner_text("#gradient-table .opener >> nth=0")
    assert page.get_attribute("#chain-title", "aria-label") == f"Chain rule of {name}"
    page.click("#gradient-table button:has-text('Close')")
    assert page.is_hidden("#gradient-table")
    assert page.evaluate("document.activeElement.id") == "gradients"


def test_one_row_of_many_is_chosen_by_its_number(moons, session, until):
    page = moons
    assert page.is_hidden("#scope-row")
    page.select_option("#scope", label="one row")
    page.wait_for_selector("#scope-row:not([hidden])")
    page.fill("#scope-row", "120")
    page.press("#scope-row", "Enter")
    until(page, "document.querySelector('#answer').textContent.startsWith('Row 120')")
    assert session.looking.scope == 119


def test_numbers_of_an_optimizer_are_set_in_the_form(moons, session, until):
    page = moons
    page.select_option("#set-optimizer", "adam")
    page.wait_for_selector("#set-optimizer-beta_1")
    page.fill("#set-optimizer-beta_1", "0.5")
    page.press("#set-optimizer-beta_1", "Enter")
    until(page, "location.hash.includes('beta_1')")
    page.click(".settings summary:has-text('Weight decay')")
    page.fill("#set-optimizer-clip_norm", "2")
    page.press("#set-optimizer-clip_norm", "Enter")
    until(page, "location.hash.includes('clip_norm')")
    rule = session.settings.optimizer
    assert (rule.name, rule.beta_1, rule.beta_2, rule.clip_norm) == ("adam", 0.5, 0.999, 2.0)
    page.select_option("#set-schedule", "step")
    page.fill("#set-schedule-every", "3")
    page.press("#set-schedule-every", "Enter")
    until(page, "location.hash.includes('every')")
    before = session.settings
    session.settings = session.settings.changed(optimizer="sgd", schedule="constant")
    page.reload()
    page.wait_for_selector("#set-optimizer-beta_1")
    until(page, "document.querySelector('#set-optimizer-beta_1').value === '0.5'")
    until(page, "document.querySelector('#set-schedule-every')?.value === '3'")
    assert session.settings == before
    page.fill("#set-optimizer-clip_norm", "")
    page.press("#set-optimizer-clip_norm", "Enter")
    until(page, "!location.hash.includes('clip_norm')")
    page.fill("#set-optimizer-beta_1", "1.5")
    page.press("#set-optimizer-beta_1", "Enter")
    page.wait_for_selector(".error:not([hidden])")
    assert "beta_1 must be at least 0 and below 1" in page.inner_text(".error")


def test_a_flag_of_an_optimizer_is_a_box(moons, session, until):
    moons.check("#set-optimizer-nesterov")
    until(moons, "location.hash.includes('nesterov%3Atrue')")
    assert session.settings.optimizer.nesterov is True


def test_the_map_stays_where_it_is_when_the_badge_speaks(moons, until):
    page = moons
    until(page, "document.querySelector('#gradients').textContent.includes('✓')")
    for width in (390, 1024, 1280, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        until(page, f"window.innerWidth === {width}")
        places = set()
        for words in (
            "?",
            "gradients ✓ 20/20, worst 1e-11",
            "gradients ✗ 19/20, at step 1,234,567",
        ):
            page.evaluate(
                "words => {document.querySelector('#gradients').textContent = words}", words
            )
            places.add(page.locator(CANVAS).bounding_box()["y"])
        assert len(places) == 1, width


def test_playing_goes_on_with_a_point_and_back_takes_it_out(moons, session, until):
    page = moons
    page.locator(CANVAS).scroll_into_view_if_needed()
    note_range(session)
    page.select_option("#tool", "1")
    page.click("#play")
    until(page, "Number(document.querySelector('#step-number').dataset.value) > 5")
    page.mouse.click(*pixel(page, [0.5, 0.25]))
    until(page, "document.querySelector('#scope-row').max === '201'")
    made = session.run.moment.step
    until(page, f"Number(document.querySelector('#step-number').dataset.value) > {made + 5}")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    until(page, "document.querySelector('#play').textContent === 'Play'")
    page.click("#reset")
    until(page, "document.querySelector('#step-number').dataset.value === '0'")
    page.mouse.click(*pixel(page, [-0.5, 0.25]))
    until(page, "document.querySelector('.said').textContent.startsWith('Row 202 is added, and')")
    page.click("#back")
    until(page, "document.querySelector('.said').textContent === 'Back at step 0, with 201 rows.'")
