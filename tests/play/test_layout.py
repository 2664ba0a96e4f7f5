"""Nothing moves on the page but by what the reader asked: no layout shift, as browsers count it."""

import pytest

pytestmark = pytest.mark.slow

OBSERVE = """
window.shifts = [];
const name = one => one.node?.outerHTML?.slice(0, 60) ?? one.node?.textContent.slice(0, 60);
const note = all => window.shifts.push(...all.map(one => [one.value, ...one.sources.map(name)]));
window.watching = new PerformanceObserver(list => note(list.getEntries()));
window.watching.observe({type: "layout-shift", buffered: true});
window.settled = () => { note(window.watching.takeRecords()); return window.shifts.splice(0); };
"""
STEP = "Number(document.querySelector('#step-number').dataset.value)"
MOONS = "&data=moons&units=6&learning_rate=0.5"
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture
def moved(open_page):
    """Return the function that opens a page, and the one that tells what has moved since."""

    def opened(fragment, width):
        page = open_page(fragment, viewport={"width": width, "height": 900}, observed=OBSERVE)
        return page, lambda: page.evaluate(f"{FRAMES}.then(() => window.settled())")

    return opened


@pytest.mark.parametrize(("width", "data"), [(390, MOONS), (1280, "")])
def test_nothing_moves_while_it_learns(moved, until, width, data):
    page, shifts = moved(data, width)
    until(page, "document.querySelector('#gradients').textContent.includes('✓')")
    assert shifts() == []
    for place in ("", "1:0:0"):
        if place:
            page.dispatch_event(f'[data-place="{place}"]', "click")
            page.wait_for_selector(".verdict strong")
            page.evaluate("document.querySelector('.verdict').scrollIntoView({block: 'center'})")
            shifts()
        for button in ("step", "step", "epoch", "substep", "substep", "back"):
            page.dispatch_event(f"#{button}", "click")
            until(page, "document.querySelector('.said').textContent !== ''")
            if place:
                page.wait_for_selector(".verdict strong")
            assert (button, shifts()) == (button, [])
        made = page.evaluate(STEP)
        page.dispatch_event("#play", "click")
        until(page, f"{STEP} > {made + 40}")
        assert shifts() == []
        page.dispatch_event("#play", "click")
        until(page, "document.querySelector('#play').textContent === 'Play'")
        if place:
            page.wait_for_selector(".verdict strong")
        assert shifts() == []


@pytest.mark.parametrize("width", [390, 1280])
def test_a_field_that_is_refused_stays_where_it_is(moved, width):
    page, shifts = moved("&data=moons", width)
    page.evaluate("document.querySelector('#settings').open = true")
    page.fill("#set-learning_rate", "-1")
    place = page.locator("#set-learning_rate").bounding_box()
    shifts()
    page.press("#set-learning_rate", "Enter")
    page.wait_for_selector(".error:not([hidden])")
    assert page.locator("#set-learning_rate").bounding_box() == place
    assert shifts() == []
    box = page.locator(".error").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 900
    page.keyboard.press("Escape")
    assert page.is_hidden(".error")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_map_stays_while_points_are_drawn(moved, until, width):
    page, _ = moved("&data=moons&units=3", width)
    until(page, "document.querySelector('#gradients').textContent.includes('✓')")
    page.select_option("#tool", "1")
    canvas = page.locator(".plane > canvas")
    canvas.scroll_into_view_if_needed()
    place = canvas.bounding_box()

    def stays():
        return canvas.bounding_box() == pytest.approx(place, abs=0.5)

    for k in range(3):
        x, y = place["x"] + place["width"] * (0.3 + 0.1 * k), place["y"] + place["height"] * 0.4
        page.mouse.click(x, y)
        until(page, f"document.querySelector('#scope-row').max === '{201 + k}'")
        assert stays()
    page.select_option("#tool", "follow")
    page.mouse.click(x, y)
    until(page, "document.querySelector('#answer').textContent.startsWith('Row ')")
    assert stays()
