"""Workers as processes of this machine, each with a pipe of its own.

A pool of the standard library ends as a whole when one of its processes is killed, and its
processes wait for one lock, which a stopped one may hold. Here a process that ends, or that another
one was faster than, is replaced, and the others do not notice.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing import Pipe
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from chainrule.distributed.letterbox import Letter, Letterboxes
from chainrule.distributed.shards import ShardFolder, parts_of, sizes_of
from chainrule.distributed.tasks import Kind, Task
from chainrule.distributed.workers import Done, WorkerLostError
from chainrule.foundation.errors import InputError
from chainrule.training.windows import AnyRows

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["ProcessWorkers"]

# Processes in a row that end before they take tasks, before the fit ends.
MOST_FAILURES = 3
# Threads of BLAS and OpenMP in a process.
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(eq=False)
class _Job:
    """A task that waits, or that a process is at."""

    shard: int
    letter: Letter[Task]
    kind: Kind | None
    future: Future[Done] = field(default_factory=Future)
    process: subprocess.Popen[bytes] | None = None
    abandoned: bool = False


class _ClosedError(Exception):
    """The fit has ended."""


@dataclass(eq=False)
class _Place:
    """A thread of the driver that waits for one process after the other."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    pipe: Connection | None = None
    results: str = ""  # how the names of its letterboxes begin
    knows: bool = False  # whether the process has the kind of the tasks


class ProcessWorkers:
    """Processes of this machine, and the files of the shards that they read.

    Parameters
    ----------
    count : int
        Processes.
    n_threads : int
        Threads of each.
    rows : Rows or StreamedRows
        The rows to train on.
    n_shards : int
        Parts that they are cut into.
    seed : int
        What they are cut by.
    """

    def __init__(self, count: int, n_threads: int, rows: AnyRows, n_shards: int, seed: int) -> None:
        if os.name != "posix":
            raise InputError("n_workers needs Linux or macOS. Pass a client of Dask instead.")
        self._most, self._n_threads = count, n_threads
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._known: dict[Future[Done], _Job] = {}
        self._places: list[_Place] = []
        self._made, self._begun, self._idle, self._failures, self._closed = 0, 0, 0, 0, False
        self._broken: InputError | None = None
        self._posted: tuple[Task, Letter[Task]] | None = None
        self._posts = 0
        self._temporary = tempfile.TemporaryDirectory(
            prefix="chainrule-", ignore_cleanup_errors=True
        )
        self._boxes = Letterboxes(self.folder)
        for _ in range(count):  # they start while their files are written
            self._add()
        try:
            folder, parts = ShardFolder(self.folder), parts_of(rows, n_shards, seed)
            self.sizes = sizes_of(rows, parts)
            for number, part in enumerate(parts):
                folder.write(number, rows, part)
        except BaseException:
            self.close()
            raise

    @property
    def count(self) -> int:
        """The processes that take tasks."""
        with self._lock:
            at_work = sum(job.process is not None for job in self._known.values())
            return max(1, self._idle + at_work)

    def submit(self, shard: int, task: Task, again: bool = False) -> Future[Done]:
        """Begin a task, in a process more where all are at work and it is made ``again``."""
        job = _Job(shard, self._letter(task), task.kind)
        with self._lock:
            if self._broken is not None:
                raise self._broken
            self._known[job.future] = job
            crowded = again and self._idle == 0
        if crowded:
            self._add()
        self._jobs.put(job)
        return job.future

    def abandon(self, future: Future[Done]) -> None:
        """End the process that is at a task; another one takes its place."""
        with self._lock:
            job = self._known.pop(future, None)
            if job is None:
                return
            job.abandoned = True
            if job.process is not None:
                job.process.kill()

    def close(self) -> None:
        """End the processes, and remove their files."""
        with self._lock:
            self._closed = True
            processes = [place.process for place in self._places if place.process is not None]
            for _ in self._places:
                self._jobs.put(None)
            for process in processes:
                process.kill()
        for process in processes:
            process.wait()
        self._temporary.cleanup()

    @property
    def folder(self) -> str:
        """The folder of the files of the shards."""
        return self._temporary.name

    @property
    def process_ids(self) -> list[int]:
        """The processes that run."""
        with self._lock:
            return [place.process.pid for place in self._places if place.process is not None]

    def _letter(self, task: Task) -> Letter[Task]:
        """Return a task as a letter; its arrays are written once for all processes."""
        if self._posted is None or self._posted[0] is not task:
            with self._lock:
                self._posts += bool(self._known)  # a task that may be read still stays where it is
            letter = self._boxes.put(f"task-{self._posts}", replace(task, kind=None))
            self._posted = task, letter
        return self._posted[1]

    def _add(self) -> None:
        with self._lock:
            self._made += 1
            place = _Place(f"process {self._made}")
            self._places.append(place)
        threading.Thread(target=self._serve, args=(place,), daemon=True, name=place.name).start()

    def _serve(self, place: _Place) -> None:
        """Make one task after the other in the process of a place."""
        while self._is_ready(place):
            job = self._jobs.get()
            if job is None:
                return
            if job.abandoned:
                continue
            with self._lock:
                self._idle -= 1
            try:
                outcome = self._answer(place, job)
            except BaseException as error:
                outcome = error
                if isinstance(error, WorkerLostError):
                    self._end(place)
            with self._lock:
                self._known.pop(job.future, None)
                self._idle += place.process is not None
                surplus = place.process is None and len(self._places) > self._most
                if surplus:
                    self._places.remove(place)
            if isinstance(outcome, BaseException):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(Done(outcome, place.name))
            if surplus:
                return

    def _is_ready(self, place: _Place) -> bool:
        """Have a process at a place that takes tasks; return False at the end of the fit."""
        while place.process is None:
            try:
                _, pipe = self._started(place)
                pipe.recv()
            except _ClosedError:
                return False
            except (EOFError, OSError) as error:
                process = place.process
                code = None if process is None else process.wait()
                self._end(place)
                with self._lock:
                    self._failures += 1
                    if self._closed:
                        return False
                if self._failures >= MOST_FAILURES:
                    self._fail(
                        InputError(
                            "worker processes must be able to start; one ended at once with "
                            f"{_how(code)}. Run: python -m chainrule.distributed.process --check"
                        ),
                        error,
                    )
                    return False
                continue
            with self._lock:
                self._idle += 1
                self._failures = 0
        return True

    def _fail(self, error: InputError, cause: BaseException) -> None:
        """End all tasks that wait: nobody will make them."""
        error.__cause__ = cause
        with self._lock:
            self._broken = error
            waiting = [job for job in self._known.values() if job.process is None]
            for job in waiting:
                del self._known[job.future]
        for job in waiting:
            job.abandoned = True
            job.future.set_exception(error)

    def _answer(self, place: _Place, job: _Job) -> Any:
        """Return what a process says to a task: a result, or an error."""
        process, pipe = place.process, place.pipe
        assert process is not None
        assert pipe is not None
        message = _message(job.shard, job.letter, None if place.knows else job.kind)
        with self._lock:
            job.process = process
        try:
            pipe.send_bytes(message)
            place.knows = True
            answer = pipe.recv()
        except (EOFError, OSError) as error:
            how = f"{_how(process.wait())}, process id {process.pid}"
            raise WorkerLostError(how) from error
        finally:
            with self._lock:
                job.process = None
        return self._boxes.take(answer) if isinstance(answer, Letter) else answer

    def _started(self, place: _Place) -> tuple[subprocess.Popen[bytes], Connection]:
        ours, theirs = Pipe()
        environment = os.environ | dict.fromkeys(LIMITS, str(self._n_threads))
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        command = [sys.executable, "-m", "chainrule.distributed.process"]
        with self._lock:
            if self._closed:
                raise _ClosedError
            self._begun += 1
            place.results = f"result-{self._begun}"
            command += [str(theirs.fileno()), self.folder, place.results]
            place.process = subprocess.Popen(  # noqa: S603 - this interpreter
                command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
            )
            place.pipe, place.knows = ours, False
        theirs.close()
        return place.process, ours

    def _end(self, place: _Place) -> None:
        """End the process of a place, which may be stopped, or ended already."""
        with self._lock:
            process, pipe = place.process, place.pipe
            place.process = place.pipe = None
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
        if process is not None:
            process.kill()
            process.wait()
        if place.results:
            self._boxes.remove(f"{place.results}-")


def _how(code: int | None) -> str:
    """Return how a process has ended."""
    if code is not None and code < 0:
        return f"signal {-code}" + (", as where memory runs out" if code == -9 else "")
    return f"exit code {code}"


def _message(shard: int, letter: Letter[Task], kind: Kind | None) -> memoryview:
    """Return a task as bytes, between processes of one program."""
    try:
        return ForkingPickler.dumps((shard, letter, kind))
    except Exception as error:
        raise InputError(
            "formulas of your own must stand in a module, where worker processes find them; "
            f"Python says: {error}. Move them to a file of their own."
        ) from error
