"""Compile LLVM modules, load object code, and keep it on disk for the next process.

The name of object code is a hash of the processor, the version of LLVM and all sources, so that an
edited formula has another name.
"""

import ctypes
import hashlib
import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm

from chainrule.engines.compiled import code_cache
from chainrule.engines.compiled.dumps import Dump
from chainrule.engines.compiled.kinds import EntryPoint, KindError, Signature, signature_of
from chainrule.engines.compiled.target import Target
from chainrule.foundation.undisturbed import undisturbed

__all__ = ["MachineCode", "ModuleSource", "load"]

_loaded: dict[str, "MachineCode"] = {}
# The floors that machine code is written from: formulas, and constants that are baked in.
SOURCES = ("foundation", "formulas", "tracing", "model", "engines")
# Compilation that takes longer than this is announced.
PATIENCE_SECONDS = 1.0


class MachineCode:
    """Code in memory, and its functions; to be made undisturbed."""

    def __init__(self, target: Target, image: bytes) -> None:
        # the engine frees its machine, so it has one of its own
        machine = target.new_machine()
        self._engine: Any = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(image))
        self._engine.finalize_object()
        self._entries: dict[str, EntryPoint] = {}

    def entry(self, name: str, signature: Signature) -> EntryPoint:
        """Return a function, to be called with a signature.

        Raises
        ------
        KindError
            If it was written with another one.
        """
        known = self._entries.get(name)
        if known is not None and known.signature == signature:
            return known
        address: int = undisturbed(lambda: self._engine.get_function_address(name))
        assert address, f"{name} is not in this code"
        written = ctypes.string_at(self.global_address(signature_of(name))).decode()
        if written != repr(signature):
            raise KindError(f"{name} must be called with ({written}); got ({signature}).")
        self._entries[name] = EntryPoint(address, signature)
        return self._entries[name]

    def global_address(self, name: str) -> int:
        """Return the address of a global variable."""
        found: int = undisturbed(lambda: self._engine.get_global_value_address(name))
        assert found, f"{name} is not in this code"
        return found


@dataclass(frozen=True)
class ModuleSource:
    """A module to be loaded: its key, and the function that writes it.

    Attributes
    ----------
    target : Target
        The processor.
    title : str
        Name of the module in a dump. It does not count: two titles may share one code.
    kind : str
        Kind of the module, with its precision.
    build : callable
        Gives the module, where the code has to be made.
    graph : str
        Text of the formula's graph; empty for a module that is not made from one.
    """

    target: Target
    title: str
    kind: str
    build: Callable[[], Any]
    graph: str = ""

    def key(self) -> dict[str, str]:
        """Return all parts of the key, by name."""
        return {
            "platform": sys.platform,
            "target": repr(self.target),
            "llvmlite": llvmlite.__version__,
            "LLVM": ".".join(map(str, llvm.llvm_version_info)),
            "sources": _sources_hash(),
            "kind": self.kind,
            "graph": self.graph,
        }


def load(module: ModuleSource) -> MachineCode:
    """Return the code of a module: from this process, from the disk, or from the compiler.

    Raises
    ------
    InputError
        If the modules are to be dumped to a folder that cannot be written to.
    """
    key = module.key()
    name = hashlib.sha256("\n".join(key.values()).encode()).hexdigest()[:40]
    if name not in _loaded:
        dump = Dump.wanted(module.title, name)
        undisturbed(lambda: _make(name, module, dump))
    return _loaded[name]


def _make(name: str, module: ModuleSource, dump: Dump | None) -> None:
    if name in _loaded:  # by another thread, or by the one an interrupted call left behind
        return
    image = code_cache.read(name)
    if image is None or dump is not None:
        made = _compile(module, dump is not None)
        if dump is not None:
            _write(dump, name, module, image, made)
        if image is None:
            image = made.image
            code_cache.write(name, image)
    _loaded[name] = MachineCode(module.target, image)


@lru_cache(maxsize=1)
def _sources_hash() -> str:
    """Return a hash of the sources of all modules."""
    package = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for folder in SOURCES:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


class _Made(NamedTuple):
    """A module at each stage of its making: LLVM's text, optimised text, and object code."""

    text: str
    optimised: str
    image: bytes


def _compile(source: ModuleSource, keep_texts: bool) -> _Made:
    timer = threading.Timer(PATIENCE_SECONDS, _announce)
    timer.daemon = True
    timer.start()
    try:
        text = str(source.build())
        module = llvm.parse_assembly(text)
        module.verify()
        options = llvm.create_pipeline_tuning_options(2)
        # the text has vectors already
        options.loop_vectorization = False
        options.slp_vectorization = False
        machine = source.target.new_machine()
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        # only where they are read: those of the kernels are some megabytes
        optimised = str(module) if keep_texts else ""
        return _Made(text, optimised, bytes(machine.emit_object(module)))
    finally:
        timer.cancel()


def _write(dump: Dump, name: str, module: ModuleSource, cached: bytes | None, made: _Made) -> None:
    """Write a dump; a module whose code was cached is compiled again for it."""
    if cached is None:
        outcome, words = "miss", "miss: compiled now"
    else:
        same = "the same bytes" if cached == made.image else "OTHER BYTES"
        outcome, words = "hit", f"hit: object code from the cache; compiling again gives {same}"
    parsed = llvm.parse_assembly(made.optimised)
    files = {
        "key.txt": "\n".join((words, f"name: {name}", *_lines(module.key()), "")),
        "module.ll": made.text,
        "optimised.ll": made.optimised,
        "assembly.s": module.target.new_machine().emit_assembly(parsed),
    }
    if module.graph:
        files["graph.txt"] = module.graph + "\n"
    dump.write(outcome, files)


def _lines(key: dict[str, str]) -> list[str]:
    """Return a line for each part of a key; a graph has a file of its own."""
    return [f"{part}: {text}" for part, text in key.items() if part != "graph"]


@lru_cache(maxsize=1)
def _announce() -> None:
    # a warning, so that it shows on the terminal unless someone sets the level of this logger
    logging.getLogger("chainrule").warning("compiling the engine for this processor, once")
