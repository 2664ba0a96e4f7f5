"""Open the page: for a data set, or for a model with its rows."""

import contextlib
import threading
import webbrowser
from collections.abc import Iterator
from typing import Any

from chainrule.app.play.beginning import check_packages, settings_of
from chainrule.app.play.session import Session
from chainrule.foundation.errors import InputError, must_be

__all__ = ["Playing", "play", "serve"]


class Playing:
    """A page that is open.

    Attributes
    ----------
    address : str
        Its address, with the token of this run.
    """

    def __init__(self, server: Any, thread: threading.Thread) -> None:
        self._server, self._thread = server, thread
        self.address: str = server.address

    def __repr__(self) -> str:
        return f"a page at {self.address}; stop() ends it"

    def stop(self) -> None:
        """End the server."""
        self._server.should_exit = True
        self._thread.join()


def play(
    model: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    port: int = 0,
    browser: bool = True,
    wait: bool = True,
) -> Playing | None:
    """Open a page on which a network learns step by step, with the chain rule of any weight.

    The page is for this machine only. Ctrl-C ends it.

    Parameters
    ----------
    model : optional
        A trained network, of any kind that `explain` takes, to look at and to train further.
        Without one the page begins with the chapter's network, or with a new one on X and y.
    X, y : array, optional
        Rows; needed with a model.
    port : int
        The port of the server; 0 takes a free one.
    browser : bool
        Whether to open the browser.
    wait : bool
        Whether to return at the end only, after Ctrl-C; otherwise the page is served beside the
        code that goes on, until ``stop()``.

    Raises
    ------
    InputError
        If a package of the extra ``app`` is missing.

    Examples
    --------
    >>> page = play(browser=False, wait=False)
    >>> page.address  # doctest: +ELLIPSIS
    'http://127.0.0.1:...
    >>> page.stop()
    """
    check_packages()
    if type(port) is not int or not 0 <= port < 65_536:
        raise must_be("port", "an integer from 0 to 65535", port)
    return serve(Session(settings_of(model, X, y)), port=port, browser=browser, wait=wait)


def serve(session: Session, *, port: int, browser: bool, wait: bool) -> Playing | None:
    """Serve a session until Ctrl-C, or beside the code that goes on."""
    from chainrule.app.play.server import Server

    def ready(address: str) -> None:
        if wait:
            print(f"the page is at {address}\nCtrl-C ends it.", flush=True)
        if browser:
            webbrowser.open(address)

    server = Server(session, port, ready)
    if wait:
        with _taken(port), contextlib.suppress(KeyboardInterrupt):
            server.run()
        return None
    thread = threading.Thread(target=server.run, name="chainrule page", daemon=True)
    thread.start()
    while not server.listening.wait(0.1):
        if not thread.is_alive():
            raise _no_port(port)
    return Playing(server, thread)


@contextlib.contextmanager
def _taken(port: int) -> Iterator[None]:
    try:
        yield
    except SystemExit as error:  # what uvicorn does where it cannot listen
        raise _no_port(port) from error


def _no_port(port: int) -> InputError:
    return must_be("port", "free", port, "Take another --port, or 0 for any that is free.")
