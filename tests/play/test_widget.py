"""The widget of a notebook: one module, messages in place of a server, the same numbers."""

import base64

import numpy as np
import pytest

from chainrule import InputError, MLPClassifier
from chainrule.app.play import beginning
from chainrule.app.play.cell import widget
from chainrule.app.play.opening import play
from chainrule.app.play.widget import bundled, styled

HOST = """<!DOCTYPE html><title>host</title><div id="cell"></div>
<script type="module">
import widget from "/bundle.js";
const hands = [];
const model = {
  on: (_, take) => hands.push(take),
  off: () => {},
  send: async (message) => {
    const [answer, frame] = await window.askPython(message);
    const bytes = Uint8Array.from(atob(frame), (letter) => letter.charCodeAt(0));
    // a frame that begins at an odd place of its buffer
    const odd = new Uint8Array(bytes.length + 3);
    odd.set(bytes, 3);
    for (const take of hands) take(answer, [new DataView(odd.buffer, 3)]);
  },
};
widget.render({ model, el: document.getElementById("cell") });
</script>"""


@pytest.fixture
def answered(monkeypatch):
    """Return the function that hands a message to a widget and gives its answer and frame."""

    def ask(shown, message):
        sent = []
        monkeypatch.setattr(
            type(shown), "send", lambda _, content, buffers=None: sent.append((content, buffers))
        )
        shown._handle_custom_msg(message, [])
        ((content, buffers),) = sent
        return content, buffers

    return ask


def test_messages_are_answered(answered):
    shown = widget()
    content, (frame,) = answered(shown, {"number": 7, "view": "a", "request": {"action": "step"}})
    assert content == {"number": 7, "view": "a"}
    assert shown.session.run.moment.step == 1
    assert int.from_bytes(frame[:4], "little") < len(frame)


@pytest.mark.parametrize("request_", [{"action": "no"}, None, 3, []])
def test_a_mistake_is_answered_in_words(answered, request_):
    content, buffers = answered(widget(), {"number": 1, "view": "a", "request": request_})
    assert content["error"].split()[0] in ("action", "request")
    assert buffers is None


def test_a_model_comes_with_its_rows():
    x = np.random.default_rng(0).normal(size=(60, 2))
    model = MLPClassifier((3,), max_iter=30, early_stopping=False, tol=9.0).fit(x, x[:, 0] > 0)
    shown = widget(model, x, x[:, 0] > 0)
    assert shown.session.settings.model is not None
    with pytest.raises(InputError, match="X and y must be given"):
        widget(model)


def test_a_missing_extra_is_one_sentence(monkeypatch):
    monkeypatch.setattr(beginning.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs anywidget and .*chainrule\[notebook\]"):
        widget()
    with pytest.raises(InputError, match=r"chainrule\[app\]"):
        play()


def test_the_module_needs_nothing_else():
    text = bundled()
    assert "import {" not in text
    assert text.count("export ") == 1
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert ":root" not in styled()


@pytest.mark.slow
def test_the_view_in_a_cell_is_the_pages(browser, answered, until):
    shown = widget()
    context = browser.new_context(viewport={"width": 900, "height": 900})
    page = context.new_page()
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))

    def ask(message):
        content, buffers = answered(shown, message)
        return content, base64.b64encode(buffers[0] if buffers else b"").decode()

    page.expose_function("askPython", ask)
    answers = {"/": ("text/html", HOST), "/bundle.js": ("text/javascript", bundled())}

    def serve(route):
        path = route.request.url.removeprefix("http://cell.test")
        kind, body = answers.get(path, ("text/plain", ""))
        route.fulfill(body=body, content_type=kind, status=200)

    page.route("**/*", serve)
    page.goto("http://cell.test/")
    page.wait_for_selector("#step-number")
    page.dispatch_event('[data-place="1:0:0"]', "click")
    page.wait_for_selector(".verdict.good")
    total = float(page.get_attribute("#chain-total", "data-value"))
    assert total == pytest.approx(-0.042788606104685496, rel=1e-12)
    page.click("#step")
    page.wait_for_selector("#step-number[data-value='1']")
    assert shown.session.run.moment.step == 1
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    assert said == []
    context.close()
