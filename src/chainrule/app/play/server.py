"""The local server of the page: this machine only, one token per run, no paths and no pickles."""

import asyncio
import hmac
import json
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from importlib.resources import files
from typing import Any, Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from chainrule.foundation.errors import InputError

__all__ = ["HOST", "LARGEST_BODY", "Answering", "Server", "application"]

HOST = "127.0.0.1"
LARGEST_BODY = 2 * 2**20
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
log = logging.getLogger(__name__)


class Answering(Protocol):
    """The part of a session that the server needs."""

    def frame(self, request: Mapping[str, Any]) -> bytes:
        """Return the frame that answers a request."""
        ...


def application(session: Answering, token: str, port: Callable[[], int]) -> Starlette:
    """Return the application: the files of the page, and one address for all its actions.

    Parameters
    ----------
    session : Answering
        The session; one request at a time reaches it.
    token : str
        The text that each action has to carry.
    port : callable
        The port of the server, for the names that it goes by.
    """
    static = _static()
    lock = threading.Lock()

    def answer(request: Mapping[str, Any]) -> bytes:
        with lock:
            return session.frame(request)

    def refusal(request: Request) -> str | None:
        names = {f"{name}:{port()}" for name in (HOST, "localhost")}
        if request.headers.get("host") not in names:
            return "host"
        origin = request.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in names:
            return "origin"
        return None

    async def page(request: Request) -> Response:
        if refusal(request):
            return _refused(403, "This page is for the machine that it runs on.")
        name = request.path_params.get("name", "page.html")
        if name not in static:
            return _refused(404, "There is no such file.")
        kind = TYPES[name.rpartition(".")[2]]
        return Response(static[name], media_type=kind, headers=HEADERS)

    async def act(request: Request) -> Response:
        if refusal(request):
            return _refused(403, "This page is for the machine that it runs on.")
        given = request.headers.get("x-chainrule-token", "")
        if not hmac.compare_digest(given.encode(), token.encode()):
            words = "The page needs the token of this run. Open the address in the terminal again."
            return _refused(403, words)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return _refused(415, "An action is JSON.")
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return _refused(413, f"An action has at most {LARGEST_BODY:,} bytes.")
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            return _refused(400, "An action is a JSON object.")
        try:
            frame = await run_in_threadpool(answer, asked)
        except InputError as error:
            # a reader's mistake is an answer, which no browser writes to its console
            return _refused(200, str(error))
        except asyncio.CancelledError:  # the server ends
            return _refused(503, "The server ends.")
        except MemoryError:
            return _refused(507, "There is not enough memory for that.")
        return Response(frame, media_type="application/octet-stream", headers=HEADERS)

    async def failed(request: Request, error: Exception) -> Response:
        log.error("an action failed", exc_info=error)
        return _refused(500, f"An error of chainrule: {type(error).__name__}. Reload the page.")

    handlers: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        Exception: failed
    }
    routes = [
        Route("/", page),
        Route("/{name}", page),
        Route("/act", act, methods=["POST"]),
    ]
    routes.reverse()  # the action before the files
    return Starlette(routes=routes, exception_handlers=handlers)


def _static() -> dict[str, bytes]:
    """Return the files of the page by their names; nothing else can be asked for."""
    folder = files("chainrule.app.play") / "static"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.name.rpartition(".")[2] in TYPES
    }


async def _body(request: Request) -> bytes | None:
    """Return the body, or None where it is too large; no more than the limit is kept."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _refused(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status, headers=HEADERS)


class Server(uvicorn.Server):
    """A server of one session, which tells its address when it listens.

    Parameters
    ----------
    session : Answering
        The session.
    port : int
        The port; 0 takes a free one.
    ready : callable
        Called with the address once it listens.
    """

    def __init__(
        self, session: Answering, port: int, ready: Callable[[str], object] | None = None
    ) -> None:
        self.token = secrets.token_urlsafe(24)
        self.port = port
        self.listening = threading.Event()
        self._ready = ready
        app = application(session, self.token, lambda: self.port)
        config = uvicorn.Config(
            app, HOST, port, log_config=None, access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=5, server_header=False, h11_max_incomplete_event_size=2**16,
        )  # fmt: skip
        super().__init__(config)

    @property
    def address(self) -> str:
        """The address of the page, with its token."""
        return f"http://{HOST}:{self.port}/#token={self.token}"

    async def startup(self, sockets: Any = None) -> None:
        """Begin to listen, and tell the address."""
        await super().startup(sockets)
        if self.started:
            self.port = self.servers[0].sockets[0].getsockname()[1]
            self.listening.set()
            if self._ready is not None:
                self._ready(self.address)
