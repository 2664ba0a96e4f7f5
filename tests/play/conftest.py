"""A session in a real browser: Debian's chromium, driven by Playwright."""

import pytest

from chainrule.app.play.opening import serve
from chainrule.app.play.session import Session


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

    def opened(address, **how):
        how = {"viewport": {"width": 1280, "height": 900}, **how}
        context = browser.new_context(**how)
        contexts.append(context)
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
