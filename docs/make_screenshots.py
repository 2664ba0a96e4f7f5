"""Make the pictures of the page in docs/play/, with Debian's chromium."""

import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from chainrule.app.play.opening import serve
from chainrule.app.play.session import Session

FOLDER = Path(__file__).parent / "play"


def chapter(page: Page) -> None:
    """The chapter's network with the chain rule of w11."""
    page.dispatch_event('[data-place="1:0:0"]', "click")
    page.wait_for_selector(".verdict.good")


def moons(page: Page) -> None:
    """A network that has learnt two half moons."""
    page.select_option("#set-data", "moons")
    page.wait_for_selector(".network [data-place='2:2:0']")
    for name, value in (("learning_rate", "1"), ("seed", "3")):
        page.fill(f"#set-{name}", value)
        page.press(f"#set-{name}", "Enter")
        page.wait_for_timeout(300)
    page.fill("#until", "60")
    page.select_option("#speed", "4")
    page.click("#play")
    page.wait_for_selector("#epoch-number[data-value='60']", timeout=120_000)
    page.wait_for_timeout(500)


def matrix(page: Page) -> None:
    """A wide layer on small pictures, with the chain rule of its largest gradient."""
    page.select_option("#set-data", "digits")
    page.wait_for_selector("#set-data:has(option[value='digits']:checked)")
    page.fill(".layer input", "40")
    page.press(".layer input", "Enter")
    page.wait_for_selector(".weight-cell", timeout=60_000)
    page.click("#epoch")
    page.wait_for_selector("#epoch-number[data-value='1']", timeout=60_000)
    page.click("#largest")
    page.wait_for_selector(".verdict strong", timeout=60_000)


def stopped(page: Page) -> None:
    """A training that diverged at a rate of 10."""
    page.fill("#set-learning_rate", "10")
    page.press("#set-learning_rate", "Enter")
    page.wait_for_timeout(300)
    while not page.is_visible(".banner"):
        page.click("#step")
        page.wait_for_timeout(200)


PICTURES = {
    "chapter": (chapter, {"viewport": {"width": 1280, "height": 860}}),
    "moons-dark": (moons, {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"}),
    "matrix": (matrix, {"viewport": {"width": 1280, "height": 1100}}),
    "stopped-phone": (stopped, {"viewport": {"width": 390, "height": 844}}),
}


def make(browser: Browser, folder: Path) -> None:
    """Make all pictures in a folder."""
    folder.mkdir(exist_ok=True)
    for name, (prepare, how) in PICTURES.items():
        served = serve(Session(), port=0, browser=False, wait=False)
        page = browser.new_page(**how)
        page.goto(served.address)
        page.wait_for_selector("#step-number")
        page.evaluate("document.querySelector('#settings').open = true")
        prepare(page)
        if how["viewport"]["width"] < 500:
            page.evaluate("document.querySelector('#settings').open = false")
        page.evaluate("window.scrollTo(0, 0); document.activeElement.blur()")
        page.wait_for_timeout(600)
        place = folder / f"{name}.png"
        page.screenshot(path=place)
        Image.open(place).convert("RGB").quantize(128).save(place, optimize=True)
        page.close()
        served.stop()


def main() -> None:
    """Make the pictures of the docs."""
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        make(browser, FOLDER)
        browser.close()


if __name__ == "__main__":
    main()
