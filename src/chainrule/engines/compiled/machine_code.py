"""From LLVM modules to addresses of machine code, kept on disk from process to process.

A file of the cache is the digest of its content and an object file. Its name is a hash of the
processor, the version of LLVM and what the code was made from, so that an edited formula is another
file. Only a folder that belongs to this user, and that nobody else can write to, is read.
"""

import hashlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.compiled.target import Target

__all__ = ["MachineCode", "cache_folder", "load"]

_loaded: dict[str, "MachineCode"] = {}
_lock = threading.RLock()
# Compilation that takes longer than this is announced.
PATIENCE_SECONDS = 1.0


class MachineCode:
    """Code in memory, and the addresses of its functions."""

    def __init__(self, target: Target, image: bytes) -> None:
        self._engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target.machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(image))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where a function begins."""
        found: int = self._engine.get_function_address(name)
        assert found, f"{name} is not in this code"
        return found

    def global_address(self, name: str) -> int:
        """Return where a global variable lies."""
        found: int = self._engine.get_global_value_address(name)
        assert found, f"{name} is not in this code"
        return found


def load(target: Target, key: str, build: Callable[[], Any]) -> MachineCode:
    """Return the code of a module: from this process, from the disk, or newly made.

    Parameters
    ----------
    target : Target
        The processor.
    key : str
        Text that determines the module, with the sources of this package.
    build : callable
        Gives the module, where the code has to be made.
    """
    whole_key = "\n".join(
        (
            sys.platform,
            repr(target),
            llvmlite.__version__,
            ".".join(map(str, llvm.llvm_version_info)),
            _sources_hash(),
            key,
        )
    )
    name = hashlib.sha256(whole_key.encode()).hexdigest()[:40]
    with _lock:
        if name not in _loaded:
            image = _read(name)
            if image is None:
                image = _compile(target, build)
                _write(name, image)
            _loaded[name] = MachineCode(target, image)
        return _loaded[name]


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Return a hash of the texts that write code: what an edited one writes is another file."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _compile(target: Target, build: Callable[[], Any]) -> bytes:
    timer = threading.Timer(PATIENCE_SECONDS, _announce)
    timer.daemon = True
    timer.start()
    try:
        module = llvm.parse_assembly(str(build()))
        module.verify()
        options = llvm.create_pipeline_tuning_options(2)
        # the vectors are in the text already
        options.loop_vectorization = False
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(target.machine, options)
        builder.getModulePassManager().run(module, builder)
        return bytes(target.machine.emit_object(module))
    finally:
        timer.cancel()


def _announce() -> None:
    # a warning, so that it shows on the terminal unless someone sets the level of this logger
    logging.getLogger("chainrule").warning("compiling the engine for this processor, once")


def cache_folder() -> Path | None:
    """Return the folder of the cache, made if it can be; None where there is no safe one."""
    asked = os.environ.get("CHAINRULE_CACHE_DIR")
    if asked is not None:
        folder = Path(asked)
    elif sys.platform == "win32":
        folder = Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir())) / "chainrule"
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "chainrule"
    else:
        home = os.environ.get("XDG_CACHE_HOME")
        folder = (Path(home) if home else Path.home() / ".cache") / "chainrule"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
        return None
    return folder


def _read(name: str) -> bytes | None:
    folder = cache_folder()
    if folder is None:
        return None
    try:
        content = (folder / f"{name}.object").read_bytes()
    except OSError:
        return None
    digest, image = content[:32], content[32:]
    return image if image and hashlib.sha256(image).digest() == digest else None


def _write(name: str, image: bytes) -> None:
    folder = cache_folder()
    if folder is None:
        return
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            temporary = file.name
            file.write(hashlib.sha256(image).digest() + image)
        os.replace(temporary, folder / f"{name}.object")
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def reset_lock_after_fork() -> None:
    """Free the lock in a forked child: a thread that held it is not there any more."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=reset_lock_after_fork)
