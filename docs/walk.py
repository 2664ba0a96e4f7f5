"""Walk through the built site in a browser: ``python docs/walk.py``, after ``docs/build.py``.

Nothing may stand in the console, be asked of another host, be wider than a phone, or be serious to
axe in light and dark; the search, the theme, the versions and the answers must work. It needs
Debian's chromium and playwright; axe is `axe-core` in the folder `CHAINRULE_TEST_NODE_MODULES`.
"""

import argparse
import functools
import http.server
import os
import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from playwright.sync_api import sync_playwright

SITE = Path(__file__).resolve().parents[1] / "build" / "site"
AXE = Path(os.environ.get("CHAINRULE_TEST_NODE_MODULES", "absent")) / "axe-core" / "axe.min.js"
# of pages that one template makes, every so many are as wide as a phone
WIDTHS = {"api": 8, "gallery": 4, "repository": 4}
# most of what axe takes; one sheet gives all colours, so every so many pages are asked for these
COLORS, COLORED = ["color-contrast", "link-in-text-block"], 8
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# fewer pages are no whole site
FEWEST_PAGES = 80


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A server that says nothing, and lets the browser keep what it was given."""

    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()


class Walk:
    """Pages of a site in a browser, and whatever the console, failures and other hosts add."""

    def __init__(self, browser, address, names):
        self.browser, self.address, self.names = browser, address, names
        self.said = []

    def page(self, **how):
        page = self.browser.new_page(**how)
        page.on("console", lambda message: self.note(page, message.text))
        page.on("pageerror", lambda error: self.note(page, str(error)))
        page.on("response", lambda got: got.status < 400 or self.note(page, got.url))
        page.on("request", lambda asked: self.own(asked.url) or self.note(page, asked.url))
        return page

    def note(self, page, text):
        self.said.append((page.url, text))

    def own(self, url):
        return url.startswith((self.address, "data:"))

    def go(self, page, name):
        page.goto(f"{self.address}/{name}")


def faults(walk, folder):
    """Return what axe finds serious in light and dark, and pages wider than a phone."""
    if AXE.exists():
        # from the server: the browser compiles the script once
        shutil.copy(AXE, folder / "axe.js")
    page = walk.page(viewport=DESK, color_scheme="light")
    found, made = [], Counter()
    for name in walk.names:
        # one template makes all pages of a generated folder: some of them speak for the others
        template = name.split("/")[1] if name.startswith("generated/") else None
        made[template] += 1
        narrow = made[template] % WIDTHS.get(template, 1) == 0
        axe = AXE.exists() and (template is None or made[template] % 8 == 1)
        if not narrow and not axe:
            continue
        walk.go(page, name)
        if axe:
            page.add_script_tag(url=f"{walk.address}/axe.js")
            found += serious(page, name, rules={key: {"enabled": False} for key in COLORS})
            if made[template] == 1 or (template is None and made[template] % COLORED == 0):
                found += pale(page, name)
        if narrow:
            page.set_viewport_size(PHONE)
            if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
                found.append(f"{name} is {width} pixels wide")
            page.set_viewport_size(DESK)
    assert {"api", "gallery", "repository"} <= made.keys()
    return found


def pale(page, name):
    """Return the words of a page that are hard to see, in light and in dark."""
    found = []
    page.add_style_tag(content="* { transition: none !important; }")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("now => document.documentElement.dataset.theme === now", arg=scheme)
        found += serious(page, name, runOnly=COLORS)
    page.emulate_media(color_scheme="light")
    return found


def serious(page, name, **rules):
    """Return what axe finds serious on a page."""
    run = """rules => axe.run({resultTypes: ["violations"], preload: false, ...rules})
                         .then(got => got.violations)"""
    return [
        f"{name}: {one['id']}: {node['html'][:150]}"
        for one in page.evaluate(run, rules)
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:2]
    ]


def search_finds(walk):
    page = walk.page(viewport=DESK)
    walk.go(page, "search.html?q=softmax")
    page.wait_for_selector("#search-results ul.search li a")
    found = page.eval_on_selector_all("#search-results a", "all => all.map(a => a.href)")
    assert any("learn/activations.html" in target for target in found)


def theme_can_be_chosen(walk):
    page = walk.page(viewport=DESK, color_scheme="light")
    walk.go(page, "index.html")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.click(".theme-switch-button >> visible=true")
    page.click("[data-mode='dark'] >> visible=true")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def versions_lead_somewhere(walk):
    page = walk.page(viewport=DESK)
    walk.go(page, "learn/losses.html")
    menu = page.locator(".versions select").first
    assert menu.evaluate("one => one.selectedOptions[0].text").startswith("0.1")
    with page.expect_navigation():
        menu.dispatch_event("change")
    assert page.url == f"{walk.address}/index.html"


def answer_opens(walk):
    page = walk.page(viewport=DESK)
    walk.go(page, "learn/feedforward.html")
    answer = page.locator("details.admonition")
    assert not answer.evaluate("one => one.open")
    answer.locator("summary").click()
    assert answer.locator("pre").first.is_visible()


def served(folder):
    """Serve a folder to this machine; return the server and its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


def main() -> int:
    """Walk through a site, and say what is wrong with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=SITE, help="the folder of the site")
    folder = parser.parse_args().site.resolve()
    begun = time.perf_counter()
    pages = [page.relative_to(folder) for page in sorted(folder.rglob("*.html"))]
    names = [page.as_posix() for page in pages if page.parts[0] != "_static"]
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if len(names) < FEWEST_PAGES or path is None:
        lacking = (
            "chromium is not installed. Install Debian's package chromium"
            if path is None
            else f"{folder} has {len(names)} pages. Run docs/build.py"
        )
        print(f"the walk needs a built site and a browser: {lacking}.", file=sys.stderr)
        return 2
    server, address = served(folder)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        walk = Walk(browser, address, names)
        found = faults(walk, folder)
        search_finds(walk)
        theme_can_be_chosen(walk)
        versions_lead_somewhere(walk)
        answer_opens(walk)
        browser.close()
    server.shutdown()
    found += [f"{url}: {text}" for url, text in walk.said]
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    print(f"{len(names)} pages, in {time.perf_counter() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
