"""What all tests share: examples of hypothesis, compiled code, threads, arrays, a browser."""

import gc
import importlib.util
import os
import pickle
import random
import shutil
import sys
import time
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=40, database=None)
# fewer of them for daily work
settings.register_profile("daily", settings.get_profile("suite"), max_examples=20)
# a failure is printed as it was found: shrinking takes minutes, and the printed command does it
GENERATE = (Phase.explicit, Phase.generate)
settings.register_profile("random", deadline=None, max_examples=15, database=None, phases=GENERATE)
settings.load_profile("suite")

SEED = "CHAINRULE_TEST_SEED"
# XLA compiles a test's programs ten times as fast without what makes long runs fast;
# `engines/test_jax_engine.py` repeats contracts with all of it
COMPILED_AT_ONCE = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
CACHE_DAYS = 7
# bytes of a number whose kernels a worker compiles, in runs of so many tests
COMPILE, MANY = {"gw0": 4, "gw1": 8}, 1000


def pytest_configure(config: pytest.Config) -> None:
    """Set what workers and processes of tests inherit, before NumPy counts its threads there."""
    if config.option.markexpr.startswith("not slow") and not config.getoption(
        "--hypothesis-profile", None
    ):
        settings.load_profile("daily")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        # one seed a day, so that whoever meets a failure shares it with others
        os.environ.setdefault(SEED, f"{datetime.now(UTC):%Y%m%d}")
        os.environ.setdefault("XLA_FLAGS", COMPILED_AT_ONCE)
        # without bytecode, each process of a test would compile the package for half a second
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        share_compiled_code(config)
        if workers := getattr(config.option, "numprocesses", None):
            # workers with a thread for every core would mostly wait for one another
            threads = max(1, (os.cpu_count() or 1) // workers)
            for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
                os.environ.setdefault(name, str(threads))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Let no search for garbage go through what imports and tests are made of, then or later.

    Each would take a second: the searches of a collection alone take a seventh of its time.
    """
    gc.disable()
    found = yield
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)  # most of what tests make is young
    gc.enable()
    return found


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark as slow what the daily run leaves out of grids, and the tests of Keras.

    The import of Keras takes a worker some four seconds.
    """
    seen = Counter()
    for item in items:
        if "keras" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if grid := item.get_closest_marker("grid"):
            name = item.nodeid.partition("[")[0]
            if seen[name] % grid.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[name] += 1


@pytest.hookimpl(tryfirst=True)  # before the worker says that it is ready
def pytest_collection_finish(session):
    """Let each of the first two workers compile the kernels of one precision, before any test.

    Otherwise both would compile both: tests of either come at once.
    """
    size = COMPILE.get(os.environ.get("PYTEST_XDIST_WORKER"))
    if size is None or len(session.items) < MANY or not importlib.util.find_spec("llvmlite"):
        return
    from chainrule.engines.compiled.kernel_code import Kernels
    from chainrule.engines.compiled.target import host_target

    Kernels.of(host_target(), size)


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Look for examples in the sources alone: `--doctest-modules` would in all tests too."""
    found = yield
    return [file for file in found if type(file).__name__ != "DoctestModule"]


def share_compiled_code(config: pytest.Config) -> None:
    """Keep compiled code in one folder for all workers and runs, unless the user names another.

    The names of its files hold the processor, the versions and all sources that code is made of,
    so an edited source never meets code of its former self. Old files are removed.
    """
    if os.environ.get("CHAINRULE_CACHE_DIR") or not hasattr(config, "cache"):
        return
    folder = config.cache.mkdir("compiled")
    folder.chmod(0o700)  # others must not write there, or nothing is read
    for path in folder.iterdir():
        if time.time() - path.stat().st_mtime > CACHE_DAYS * 86400.0:
            path.unlink(missing_ok=True)
    os.environ["CHAINRULE_CACHE_DIR"] = str(folder)


def pytest_report_header() -> str:
    return f"random examples: {SEED}={os.environ[SEED]}"


LIBRARIES = ("numpy", "array_api_strict", "torch")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `library` once for each array library, daily for two."""
    if "library" in metafunc.fixturenames:
        choices = [
            pytest.param(
                name,
                marks=[
                    pytest.mark.skipif(
                        importlib.util.find_spec(name) is None, reason=f"{name} is not installed"
                    ),
                    *([pytest.mark.slow] if name == "torch" else []),
                ],
            )
            for name in LIBRARIES
        ]
        metafunc.parametrize("library", choices)


@pytest.fixture(autouse=True)
def _seeds_that_repeat(monkeypatch):
    """Let the seeds that nobody gives be the same in every run of a test."""
    monkeypatch.setattr("chainrule.foundation.seeds.secrets.randbits", random.Random(0).getrandbits)


@pytest.fixture
def asarray(library):
    """Return the function that makes an array of the library from a list or a NumPy array."""
    return importlib.import_module(library).asarray


@pytest.fixture
def contents():
    """Return the function that digests each attribute of an object, arrays by their bytes.

    What a model computes with is left out: it is made from the rest, and has no bytes.
    """
    import joblib

    derived = {"_predictor"}
    return lambda thing: {
        name: joblib.hash(value) for name, value in vars(thing).items() if name not in derived
    }


@pytest.fixture
def global_random_state():
    """Return the function that tells the state of NumPy's global generator, as bytes."""
    import numpy as np

    return lambda: pickle.dumps(np.random.get_state())  # noqa: NPY002


# `.ci/run` sets it: there, a browser that is absent is a failure and no reason to skip.
REQUIRED = os.environ.get("CHAINRULE_TEST_BROWSER") == "required"


HOW = ["--no-sandbox", "--disable-gpu"]


def chromium():
    """Return the browser's path; skip, or fail where it is required, if there is none."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    missing = None
    if importlib.util.find_spec("playwright") is None:
        missing = "playwright is in the extra 'test'"
    elif found is None:
        missing = "chromium is not installed"
    if missing and REQUIRED:
        pytest.fail(f"the browser tests must run here: {missing}")
    if missing:
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def launched():
    """Return the context of a running browser, in whose thread no other event loop may run."""

    @contextmanager
    def launched():
        path = chromium()
        from playwright.sync_api import sync_playwright

        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=path, args=HOW)
            yield browser
            browser.close()

    return launched


@pytest.fixture
def shared() -> Path:
    """Return the folder of public data beside the checkout; skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip("../shared is absent")
    return folder


@pytest.fixture
def questions():
    """Return the context that lists the queries which polars runs, lazy ones and its own."""

    @contextmanager
    def listed():
        found = []
        before = sys.getprofile()
        sys.setprofile(
            lambda _frame, event, called: (
                found.append(called)
                if event == "c_call" and called.__name__ in ("collect", "collect_with_callback")
                else None
            )
        )
        try:
            yield found
        finally:
            sys.setprofile(before)

    return listed
