"""The page in Debian's chromium: frames while a network learns, and the answer to a click.

    python benchmarks/page.py

Networks of 20-64-64-2 and 784-128-64-10 on 1,000 random rows. A frame is one answer to a step that
was drawn: the picture in each, boundary, losses and health ten times a second. A click is timed in
the page, from the event to the chain rule in the document, and to the next frame of the screen.
"""

import argparse
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from chainrule import Network, explain
from chainrule.app.play.opening import serve
from chainrule.app.play.own_rows import of_explanation
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings

ROWS, SEED = 1000, 0
# Weights of the part of each layer that is shown first: layer, unit and unit, from 0.
CLICKED = ((1, 3, 5), (1, 12, 9), (2, 4, 7), (2, 10, 2), (3, 6, 4), (3, 1, 8))
COUNT = """() => {
  window.framesMade = 0;
  const ask = window.fetch;
  window.fetch = (place, request) => {
    if (String(request?.body).includes('"advance"')) window.framesMade += 1;
    return ask(place, request);
  };
}"""
SECOND = """async () => {
  const [made, began] = [window.framesMade, performance.now()];
  await new Promise((done) => setTimeout(done, 1000));
  return 1000 * (window.framesMade - made) / (performance.now() - began);
}"""
CLICK = """async ([place, label]) => {
  const cell = document.querySelector(`[data-place="${place}"]`);
  const title = document.querySelector("#chain-title");
  const began = performance.now();
  const answered = new Promise((done) => {
    const watch = new MutationObserver(() => {
      if (title.getAttribute("aria-label") !== label) return;
      watch.disconnect();
      done(performance.now());
    });
    watch.observe(title, { attributes: true });
  });
  cell.click();
  const known = await answered;
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return [known - began, performance.now() - began];
}"""


def session_of(widths: list[int]) -> Session:
    """Return a session on an untrained network and random rows."""
    random = np.random.default_rng(SEED)
    x = random.normal(size=(ROWS, widths[0]))
    y = random.integers(0, widths[-1], ROWS)
    network = Network.of_widths(widths, "relu")
    found = explain((network, network.start(SEED)), x, y, loss="categorical_cross_entropy")
    return Session(Settings().with_own(of_explanation(found)))


@contextmanager
def opened(browser: Browser, widths: list[int]) -> Iterator[Page]:
    """Open the page on a network."""
    served = serve(session_of(widths), port=0, browser=False, wait=False)
    assert served is not None
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(served.address)
    page.wait_for_selector("#step-number")
    page.wait_for_timeout(1500)
    yield page
    page.close()
    served.stop()


def frames(page: Page, seconds: int) -> list[float]:
    """Return frames per second, for each second of playing."""
    page.evaluate(COUNT)
    page.click("#play")
    page.wait_for_timeout(1000)
    rates = [float(page.evaluate(SECOND)) for _ in range(seconds)]
    page.click("#play")
    return rates


def clicks(page: Page, scope: str, rounds: int) -> list[list[float]]:
    """Return the milliseconds from clicks to the chain rule in the page, and to the screen."""
    page.select_option("#scope", scope)
    page.wait_for_timeout(1000)
    found = []
    for layer, unit, to in CLICKED * rounds:
        place, label = f"{layer}:{unit}:{to}", f"Chain rule of w{layer}[{unit + 1},{to + 1}]"
        page.click(f"button:has-text('Layer {layer}:')")
        page.wait_for_selector(f'[data-place="{place}"]')
        page.wait_for_timeout(500)
        found.append(page.evaluate(CLICK, [place, label]))
    return found


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="seconds to play")
    parser.add_argument("--rounds", type=int, default=2, help="rounds of six clicks")
    arguments = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with opened(browser, [20, 64, 64, 2]) as page:
            rates = frames(page, arguments.seconds)
            median, least = statistics.median(rates), min(rates)
            print(f"20-64-64-2: {median:.0f} frames a second, in the slowest second {least:.0f}")
        with opened(browser, [784, 128, 64, 10]) as page:
            for scope, words in (("batch", "the next batch"), ("all", f"all {ROWS:,} rows")):
                times = clicks(page, scope, arguments.rounds)
                answered, seen = (sorted(one) for one in zip(*times, strict=True))
                print(
                    f"784-128-64-10, {words}: the chain rule {statistics.median(answered):.0f} ms "
                    f"after the click (most {answered[-1]:.0f}), on the screen after "
                    f"{statistics.median(seen):.0f} ms (most {seen[-1]:.0f})"
                )
        browser.close()


if __name__ == "__main__":
    main()
