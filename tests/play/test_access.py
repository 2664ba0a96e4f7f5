"""The page by keyboard, on a phone, at twice the size, and under axe, in light and dark."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import chainrule

pytestmark = pytest.mark.slow

# `.ci/run` installs axe-core and typescript by npm, where there is npm, and names the folder.
MODULES = Path(os.environ.get("CHAINRULE_TEST_NODE_MODULES", "absent"))
AXE = MODULES / "axe-core" / "axe.min.js"
TSC = MODULES / ".bin" / "tsc"
STATIC = Path(chainrule.__file__).parent / "app" / "play" / "static"


def start(page, until):
    """The page as it opens."""


def panel(page, until):
    """The chain rule with a factor opened, of a mean over rows."""
    page.select_option("#set-data", "moons")
    until(page, "document.querySelector('#set-data').value === 'moons'")
    page.dispatch_event('[data-place="1:0:0"]', "click")
    page.wait_for_selector(".verdict strong")
    page.locator(".part.opens").first.click()
    page.wait_for_selector(".inside")


def tour(page, until):
    """A stop of the tour, in the middle of a step."""
    page.click("#tour-start")
    page.wait_for_selector("#tour-next")
    page.click("#substep")
    page.wait_for_selector(".phase:not([hidden])")


def measured(page, until):
    """The tour's stop on losses, at the last of them, with learning rates that were compared."""
    page.click("#tour-start")
    page.wait_for_selector("#tour-next")
    for stop in (2, 3):
        page.click("#tour-next")
        until(page, f"document.querySelector('#tour-title').textContent.startsWith('{stop} of 9')")
    page.click("#tour-part-4")
    until(page, "document.querySelector('#set-data').value === 'blobs'")
    page.evaluate("document.querySelector('#measure').open = true")
    page.click("#measure-rates")
    page.wait_for_selector("canvas.ending")
    assert page.locator("canvas.ending").count() + page.locator("text=not finite").count() >= 5


def matrix(page, until):
    """A wide layer."""
    page.fill(".layer input", "40")
    page.press(".layer input", "Enter")
    page.wait_for_selector(".weight-cell")


def stopped(page, until):
    """A training that diverged."""
    page.fill("#set-learning_rate", "10")
    page.press("#set-learning_rate", "Enter")
    until(page, "location.hash.includes('learning_rate=10')")
    for _ in range(12):
        page.click("#step")
        page.wait_for_timeout(60)
    page.wait_for_selector(".banner:not([hidden])")


def opened(page, until):
    """Everything that unfolds is unfolded, and a bad table is refused."""
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.fill("#pasted", "a,b\n1\n2,3,4\n")
    page.click("#learn-table")
    page.wait_for_selector(".error:not([hidden])")


SCREENS = (start, panel, tour, measured, matrix, stopped, opened)


WAYS = {
    "phone": ({"width": 390, "height": 844}, {}),
    "a screen at twice the size": ({"width": 640, "height": 450}, {}),
    "still and in forced colours": (
        {"width": 1280, "height": 900},
        {"reduced_motion": "reduce", "forced_colors": "active"},
    ),
}


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_can_be_read_by_all_and_never_scrolls_sideways(open_page, until, screen):
    page = open_page(color_scheme="light", bypass_csp=AXE.exists())
    screen(page, until)
    if AXE.exists():
        page.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        page.add_style_tag(content="* { transition: none !important; }")
        assert serious(page, "light") == []
        # nothing but colours is another
        assert serious(page, "dark", runOnly=["color-contrast", "link-in-text-block"]) == []
    page.evaluate("document.querySelector('#settings').open = true")
    for name, (size, media) in WAYS.items():
        page.set_viewport_size(size)
        page.emulate_media(**media)
        until(page, f"window.innerWidth === {size['width']}")
        widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert widths[0] <= widths[1], name
        assert page.evaluate("document.getAnimations().length") == 0, name


def serious(page, scheme, **rules):
    """Return what axe finds serious on the page in light or dark."""
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
    found = page.evaluate(
        "rules => axe.run({resultTypes: ['violations'], preload: false, ...rules})"
        ".then(result => result.violations)", rules,
    )  # fmt: skip
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]


def test_arrow_keys_move_between_weights(open_page):
    page = open_page()
    page.focus('[data-place="1:0:0"]')
    for key, place in (("ArrowDown", "1:0:1"), ("ArrowRight", "2:0:0"), ("ArrowUp", "2:b:0"),
                       ("Home", "1:0:0"), ("End", "2:b:0")):  # fmt: skip
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.place") == place
    label = page.get_attribute('[data-place="1:1:2"]', "aria-label")
    assert label == "weight from input 2 to unit 3 of layer 1, 0.19, gradient 0.0327"


def test_arrow_keys_move_through_a_matrix(open_page, until):
    page = open_page("&data=moons&units=30,30&activations=tanh,tanh")
    page.wait_for_selector(".weight-cell")
    page.focus('.weight-cell[data-place="1:0:0"]')
    for _ in range(16):
        page.keyboard.press("ArrowRight")
    until(page, "document.activeElement.dataset.place?.startsWith('1:')")
    until(page, "document.querySelector('.weight-cell').dataset.place === '1:0:14'")


def test_the_table_is_the_pictures_equal(open_page):
    page = open_page()
    page.click("summary:has-text('The network as tables')")
    drawn = page.eval_on_selector_all(
        ".network .edge", "all => all.map(one => [one.dataset.place, one.dataset.value])"
    )
    listed = page.eval_on_selector_all(
        ".cell", "all => all.map(one => [one.dataset.place, one.firstChild.dataset.value])"
    )
    assert sorted(drawn) == sorted(listed)
    page.click('.cell[data-place="2:1:0"]')
    page.wait_for_selector(".verdict strong")
    assert page.get_attribute("#chain-title", "aria-label") == "Chain rule of w2[2,1]"


@pytest.mark.skipif(not TSC.exists(), reason="typescript is not in CHAINRULE_TEST_NODE_MODULES")
def test_the_types_of_the_scripts_hold(tmp_path):
    options = {
        "checkJs": True, "noEmit": True, "strict": True, "target": "es2023", "module": "esnext",
        "moduleResolution": "bundler", "lib": ["es2023", "dom", "dom.iterable"],
    }  # fmt: skip
    described = {"compilerOptions": options, "include": [f"{STATIC}/*.js"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(described), encoding="utf-8")
    done = subprocess.run([TSC, "-p", tmp_path], capture_output=True, text=True, check=False)
    assert done.stdout == ""
    assert done.returncode == 0
