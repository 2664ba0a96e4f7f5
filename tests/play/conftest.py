"""A session in a real browser: Debian's chromium, driven by Playwright."""

import re
import subprocess
import sys

import numpy as np
import pytest

from chainrule.app.play.opening import serve
from chainrule.app.play.session import Session


@pytest.fixture(scope="session")
def browser(launched):
    """Return one browser for all tests of the page that a worker runs; it ends with the worker."""
    with launched() as browser:
        yield browser


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def playing(session):
    """Return the page that serves the session."""
    served = serve(session, port=0, browser=False, wait=False)
    yield served
    served.stop()


@pytest.fixture
def open_page(playing, open_at):
    """Return the function that opens the session's page."""
    return lambda fragment="", **how: open_at(playing.address + fragment, **how)


@pytest.fixture
def open_at(browser):
    """Return the function that opens an address; whatever the console says fails the test."""
    contexts, said, foreign = [], [], []

    def opened(address, *, observed="", **how):
        how = {"viewport": {"width": 1280, "height": 900}, **how}
        context = browser.new_context(**how)
        contexts.append(context)
        if observed:
            context.add_init_script(observed)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        own = address.partition("#")[0]

        def look(request):
            if not request.url.startswith((own, "data:")):
                foreign.append(request.url)

        page.on("request", look)
        page.goto(address)
        page.wait_for_selector("#step-number")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []
    assert foreign == []


@pytest.fixture
def number():
    """Return the function that reads a number of the page in full precision."""
    return lambda page, selector: float(page.get_attribute(selector, "data-value"))


@pytest.fixture
def until():
    """Return the function that waits for an expression; the page's policy forbids the driver's."""

    def wait(page, expression):
        for _ in range(600):
            if page.evaluate(expression):
                return
            page.wait_for_timeout(25)
        raise AssertionError(f"it never became true: {expression}")

    return wait


@pytest.fixture
def table(tmp_path):
    random = np.random.default_rng(0)
    age, hours = random.integers(18, 80, 300), random.integers(1, 60, 300)
    path = tmp_path / "people.csv"
    lines = [
        f"{a},{h},{'city' if a % 3 else 'land'},{'rich' if a + h > 75 else 'poor'}"
        for a, h in zip(age, hours, strict=True)
    ]
    path.write_text("age,hours,place,class\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def served():
    """Return the function that starts the command and gives its address."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "chainrule", "play", *map(str, arguments), "--no-browser"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        running.append(process)
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://\S+", line):
                return process, found[0]
        raise AssertionError(said)

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def by_keys(until):
    """Return the reader who has a keyboard alone."""
    return lambda page: Keyboard(page, until)


class Keyboard:
    """A reader without a mouse; the focus never gets lost."""

    def __init__(self, page, until):
        self.page = page
        self.until = until

    def press(self, key):
        self.page.keyboard.press(key)

    def tab_to(self, selector, key="Tab"):
        """Go to an element by Tab."""
        for _ in range(120):
            self.press(key)
            if self.at(selector):
                return
        raise AssertionError(f"{key} does not reach {selector}")

    def at(self, selector):
        """Return True where the focus is on such an element, and can be seen."""
        return self.page.evaluate(
            "selector => document.activeElement.matches(selector) "
            "&& document.activeElement.matches(':focus-visible')", selector,
        )  # fmt: skip

    def reads(self, words):
        """Return True where the element with the focus says so."""
        return words in self.page.evaluate("document.activeElement.textContent")

    def write(self, text):
        """Write in place of what stands in a field."""
        self.press("Control+A")
        self.page.keyboard.insert_text(text)

    def arrives(self, selector):
        """Wait until the focus is on such an element."""
        self.until(self.page, f"document.activeElement.matches({selector!r})")
