"""A meeting of threads that each train a network, so that an engine makes their steps together."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["Meeting", "current_meeting", "met"]

# Seconds after which a wait looks up: a thread that was cancelled before it sat down never comes.
TICK = 0.1
_here = threading.local()
Result = TypeVar("Result")


class _Seat:
    """One thread's question, and its answer."""

    def __init__(self, question: Any) -> None:
        self.question = question
        self.answer: Any = None
        self.error: BaseException | None = None
        self.is_done = False


class Meeting:
    """A number of threads that wait for each other with their questions.

    When all that are present have asked, one of them answers all questions at once. What each
    thread computes does not depend on who else is there, but for rounding.

    Parameters
    ----------
    count : int
        Threads that will come; each leaves when its work is done.

    Attributes
    ----------
    memory : dict
        What the answering side keeps from one round to the next.
    """

    def __init__(self, count: int) -> None:
        self.memory: dict[Any, Any] = {}
        self._present = count
        self._waiting: list[_Seat] = []
        self._changed = threading.Condition()

    @contextmanager
    def seat(self, stop: threading.Event) -> Iterator[None]:
        """Take part with this thread; once ``stop`` is set, nobody is waited for."""
        _here.meeting, _here.stop = self, stop
        try:
            yield
        finally:
            _here.meeting = None
            with self._changed:
                self._present -= 1
                self._changed.notify_all()

    def is_stopped(self) -> bool:
        """Return whether the work of this thread is to end: another one failed, or Ctrl-C."""
        stop: threading.Event = _here.stop
        return stop.is_set()

    def answer(self, question: Any, of_all: Callable[[Sequence[Any]], Sequence[Any]]) -> Any:
        """Return the answer to a question, found together with those of the other threads.

        ``of_all`` returns an answer for each question; its error is raised in all threads.
        """
        stop: threading.Event = _here.stop
        seat = _Seat(question)
        with self._changed:
            self._waiting.append(seat)
            self._changed.notify_all()
            while not seat.is_done:
                complete = len(self._waiting) >= self._present or stop.is_set()
                if complete and self._waiting and self._waiting[0] is seat:
                    break
                self._changed.wait(TICK)
            if not seat.is_done:
                self._answer_all(of_all)
        if seat.error is not None:
            raise seat.error
        return seat.answer

    def _answer_all(self, of_all: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Answer those who wait; they wait on, as the lock is kept meanwhile."""
        seats, self._waiting = self._waiting, []
        try:
            answers = of_all([seat.question for seat in seats])
            for seat, answer in zip(seats, answers, strict=True):
                seat.answer = answer
        except BaseException as error:
            for seat in seats:
                seat.error = error
        for seat in seats:
            seat.is_done = True
        self._changed.notify_all()


def current_meeting() -> Meeting | None:
    """Return the meeting that this thread takes part in, if any."""
    return getattr(_here, "meeting", None)


def met(
    work: Callable[[int, threading.Event], Result], count: int, workers: int
) -> Callable[[int, threading.Event], Result]:
    """Return work for `side_by_side` whose threads meet, where there is one for each."""
    if workers < count or count < 2:
        return work
    meeting = Meeting(count)

    def seated(number: int, stop: threading.Event) -> Result:
        with meeting.seat(stop):
            return work(number, stop)

    return seated
