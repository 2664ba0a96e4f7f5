"""The program of a worker process: tasks come in by a pipe, and results go out."""

from __future__ import annotations

import shutil
import signal
import sys
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler

from chainrule.distributed.letterbox import Letter, Letterboxes
from chainrule.distributed.shards import Shard, ShardFolder
from chainrule.distributed.tasks import Kind, Task, run_task
from chainrule.foundation.errors import InputError

__all__ = ["main"]


def main(descriptor: int, folder: str, name: str) -> None:
    """Make tasks until the driver closes the pipe, or is gone; it may have been killed."""
    # these reach every process of a terminal or of a group; the driver's end is what ends this one
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    try:
        _answer(Connection(descriptor), ShardFolder(folder), Letterboxes(folder), name)
    except (EOFError, OSError):
        shutil.rmtree(folder, ignore_errors=True)  # a driver that was killed removes nothing


def _answer(pipe: Connection, shards: ShardFolder, boxes: Letterboxes, name: str) -> None:
    kept: dict[int, Shard] = {}
    kind: Kind | None = None
    pipe.send("ready")
    while True:
        message = pipe.recv_bytes()
        try:
            number: int
            letter: Letter[Task]
            new: Kind | None
            number, letter, new = ForkingPickler.loads(message)
        except Exception as error:  # of a class that is not found here
            pipe.send(_not_found(error))
            continue
        answer: object
        try:
            if number not in kept:
                kept[number] = shards.read(number)
            kind = kind if new is None else new
            trained = run_task(kept[number], replace(boxes.take(letter), kind=kind))
            answer = boxes.put(f"{name}-{number}", trained)
        except MemoryError:
            answer = _no_memory(number)
        except InputError as error:
            answer = error
        except Exception:  # its class may be unknown to the driver
            answer = RuntimeError(f"a worker process has failed:\n{traceback.format_exc()}")
        pipe.send(answer)


def _not_found(error: Exception) -> InputError:
    return InputError(
        f"formulas of your own must stand in a module that worker processes can import, not in the "
        f"program itself; a worker said: {error}. Move them to a file of their own."
    )


def _no_memory(number: int) -> InputError:
    return InputError(
        f"a shard must fit into the memory of a worker; shard {number} does not. Take more shards "
        "by n_shards, or fewer workers on one machine."
    )


if __name__ == "__main__" and sys.argv[1:] != ["--check"]:
    main(int(sys.argv[1]), *sys.argv[2:])
