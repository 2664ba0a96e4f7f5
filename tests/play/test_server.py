"""The server refuses other hosts and origins, missing tokens, and bodies that are not actions."""

import json
import random

import httpx
import pytest

from chainrule.app.play.server import LARGEST_BODY


@pytest.fixture
def client(playing):
    address, _, token = playing.address.partition("#token=")
    headers = {"X-Chainrule-Token": token, "Content-Type": "application/json"}
    with httpx.Client(base_url=address, headers=headers, timeout=30.0) as client:
        yield client


def alive(client):
    return client.post("/act", content=b'{"action": "look"}').status_code == 200


def test_an_action_is_answered(client):
    answer = client.post("/act", content=b'{"action": "step"}')
    assert answer.status_code == 200
    length = int.from_bytes(answer.content[:4], "little")
    assert json.loads(answer.content[4 : 4 + length])["step"] == 1


@pytest.mark.grid(2)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:80"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Chainrule-Token": ""}, 403),
        ({"X-Chainrule-Token": "wrong"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_a_stranger_is_refused(client, headers, status, session):
    answer = client.post("/act", content=b'{"action": "step"}', headers=headers)
    assert answer.status_code == status
    assert session.run.moment.step == 0
    assert "error" in answer.json()
    assert alive(client)


def test_pages_are_for_this_machine_only(client):
    assert client.get("/").status_code == 200
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403
    for path in ("/nothing.js", "/../server.py", "/%2e%2e/server.py", "/__init__.py"):
        assert client.get(path).status_code == 404
    policy = client.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy


@pytest.mark.grid(2)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"action": "step"}' + b" " * LARGEST_BODY, 413),
    ],
)
def test_a_malformed_body_is_refused(client, body, status, session):
    answer = client.post("/act", content=body)
    assert answer.status_code == status
    assert session.run.moment.step == 0
    assert alive(client)


def test_a_mistake_is_answered_in_words(client, session):
    answer = client.post("/act", content=b'{"action": "no"}')
    assert answer.status_code == 200
    assert answer.json()["error"].startswith("action must be one of look, change")
    assert session.run.moment.step == 0


@pytest.mark.slow
def test_a_thousand_random_requests_leave_the_server_alive(client):
    draw = random.Random(0)
    actions = [
        "step",
        "select",
        "change",
        "view",
        "unfold",
        "edit",
        "back",
        "check",
        "zzz",
        None,
        "tile",
        "visit",
        "point",
        "measure",
        "cancel",
        "table",
        "program",
        "freeze",
        "copy",
        "save",
    ]
    values = [None, 0, -1, 1.5, 1e308, "a", "", [], [1], {}, {"units": [3]}, True, 2**70, "NaN"]
    names = ["layer", "unit", "to", "settings", "scope", "path", "value", "steps", "known", "want"]
    for _ in range(1000):
        request = {"action": draw.choice(actions)}
        request |= {draw.choice(names): draw.choice(values) for _ in range(draw.randrange(5))}
        body = json.dumps(request).encode()
        if draw.random() < 0.2:
            cut = draw.randrange(len(body))
            body = body[:cut] + bytes([draw.randrange(256)]) + body[cut + 1 :]
        answer = client.post("/act", content=body)
        assert answer.status_code in (200, 400), (body, answer.text)
    assert alive(client)
