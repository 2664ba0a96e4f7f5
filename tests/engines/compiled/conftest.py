"""The problems of all engines, as a fixture; kernels of other processors are slow."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location(
    "engine_problems", Path(__file__).parents[1] / "problems.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def problems():
    """Return the module of small problems."""
    return _module


def pytest_collection_modifyitems(items):
    """Mark tests of other vectors than the processor's own as slow: their kernels are compiled."""
    from chainrule.engines.compiled.target import host_target

    own = host_target().vector_bytes
    for item in items:
        if item.path.parent == HERE and hasattr(item, "callspec"):
            given = item.callspec.params
            width = given.get("vector_bytes", given.get("width", own))
            if width != own and "registers" not in given:
                item.add_marker(pytest.mark.slow)


@pytest.fixture
def kernels_alone(tmp_path):
    """Return a cache that holds the kernels of float64 and nothing else: they take seconds."""
    from chainrule.engines.compiled import code_cache, machine_code
    from chainrule.engines.compiled.kernel_code import Kernels
    from chainrule.engines.compiled.target import host_target

    code = Kernels.of(host_target(), 8)._code
    name = next(name for name, known in machine_code._loaded.items() if known is code)
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        image = code_cache.read(name)
        patch.setenv("CHAINRULE_CACHE_DIR", str(folder))
        code_cache.write(name, image)
    return folder


@pytest.fixture(scope="session")
def compiled():
    """Return a function that compiles a small module, and gives its function "run" to call."""

    def compiled(title, signature, write, itemsize=4, target=None):
        from chainrule.engines.compiled.machine_code import ModuleSource, load
        from chainrule.engines.compiled.target import host_target
        from chainrule.engines.compiled.writing import Module

        target = target or host_target()
        module = Module(title, target, itemsize)
        write(module)
        text = str(module)
        code = load(ModuleSource(target, title, text, lambda: text))
        run = code.entry("run", signature).function()

        def call(**arguments):
            return run(
                *signature.arranged(
                    **{
                        name: value.ctypes.data if isinstance(value, np.ndarray) else value
                        for name, value in arguments.items()
                    }
                )
            )

        return call

    return compiled
