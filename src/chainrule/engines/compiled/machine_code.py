"""From LLVM modules to addresses of machine code, kept on disk from process to process.

The name of a piece of code is a hash of the processor, the version of LLVM and all that the code
was made from, so that an edited formula has another name.
"""

import hashlib
import logging
import sys
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.compiled import code_cache
from chainrule.engines.compiled.target import Target
from chainrule.engines.compiled.undisturbed import undisturbed

__all__ = ["MachineCode", "load"]

_loaded: dict[str, "MachineCode"] = {}
# The floors that machine code is written from: formulas, and constants that are baked in.
SOURCES = ("foundation", "formulas", "tracing", "model", "engines")
# Compilation that takes longer than this is announced.
PATIENCE_SECONDS = 1.0


class MachineCode:
    """Code in memory, and the addresses of its functions; to be made undisturbed."""

    def __init__(self, target: Target, image: bytes) -> None:
        # the engine frees its machine, so it has one of its own
        machine = target.new_machine()
        self._engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(image))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Return where a function begins."""
        found: int = undisturbed(lambda: self._engine.get_function_address(name))
        assert found, f"{name} is not in this code"
        return found

    def global_address(self, name: str) -> int:
        """Return where a global variable lies."""
        found: int = undisturbed(lambda: self._engine.get_global_value_address(name))
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
    if name not in _loaded:
        undisturbed(lambda: _make(name, target, build))
    return _loaded[name]


def _make(name: str, target: Target, build: Callable[[], Any]) -> None:
    if name in _loaded:  # by another thread, or by the one an interrupted call left behind
        return
    image = code_cache.read(name)
    if image is None:
        image = _compile(target, build)
        code_cache.write(name, image)
    _loaded[name] = MachineCode(target, image)


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Return a hash of the texts that code is made from: an edited one makes other code."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
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
        machine = target.new_machine()
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        return bytes(machine.emit_object(module))
    finally:
        timer.cancel()


def _announce() -> None:
    # a warning, so that it shows on the terminal unless someone sets the level of this logger
    logging.getLogger("chainrule").warning("compiling the engine for this processor, once")
