"""Ctrl-C and forks while machine code is made: nothing half made, nothing freed twice."""

import gc
import os
import subprocess
import sys
import threading

import pytest

from chainrule.engines.compiled import threads
from chainrule.engines.compiled.kinds import EntryPoint
from chainrule.engines.compiled.tables import BUILTIN
from chainrule.foundation.undisturbed import undisturbed

PREPARE = """
import os, signal, sys, threading, time
import numpy as np
import llvmlite.binding as llvm
from chainrule import Network, train
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
X = np.linspace(-1, 1, 60).reshape(30, 2)
network = Network.of_widths([2, 4, 1])
def fit():
    *_, last = train(network, X, X @ [[1.0], [2.0]], epochs=3, seed=0, engine="compiled")
    return last
"""

RAISED_INSIDE = """
real = llvm.ObjectFileRef.from_data
def cut(data):
    raise KeyboardInterrupt
llvm.ObjectFileRef.from_data = cut
try:
    fit()
except KeyboardInterrupt:
    pass
llvm.ObjectFileRef.from_data = real
import gc; gc.collect()
print(fit().loss.hex(), fit().loss.hex())
"""

SIGNAL_INSIDE = """
real = llvm.{place}
def cut(*arguments):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
    return real(*arguments)
llvm.{place} = cut
try:
    fit()
except KeyboardInterrupt:
    llvm.{place} = real
    print(fit().loss.hex(), fit().loss.hex())
"""

SIGNAL_IN_AN_IMPORT = """
import weakref
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "chainrule.engines.compiled.workspace":
            thing = Finder()
            reference = weakref.ref(thing, interrupt)
            del thing
def interrupt(reference):  # Python drops what a callback raises
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)
sys.meta_path.insert(0, Finder())
try:
    fit()
    print("lost")
except KeyboardInterrupt:
    print(fit().loss.hex())
"""

FORKS = """
from chainrule.engines.compiled import machine_code
real, inside = machine_code._compile, threading.Event()
def slow(*arguments):
    inside.set()
    for _ in range(9):
        made = real(*arguments)
    return made
machine_code._compile = slow
worker = threading.Thread(target=fit)
worker.start()
assert inside.wait(60)
for _ in range(2):
    child = os.fork()
    if child == 0:
        signal.alarm(400)
        machine_code._compile = real
        fit()
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
worker.join()
"""


def run(script, folder):
    done = subprocess.run(
        [sys.executable, "-c", PREPARE + script],
        env={**os.environ, "CHAINRULE_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.fixture(scope="module")
def expected():
    folder = os.environ["CHAINRULE_CACHE_DIR"]
    return folder, run("print(fit().loss.hex())", folder)[0]


@pytest.mark.slow
def test_an_exception_while_code_is_loaded_does_no_harm(expected):
    folder, loss = expected
    assert run(RAISED_INSIDE, folder) == [loss, loss]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    "place", ["ObjectFileRef.from_data", "create_mcjit_compiler", "get_host_cpu_features"]
)
def test_a_signal_while_code_is_loaded_does_no_harm(expected, place):
    folder, loss = expected
    assert run(SIGNAL_INSIDE.format(place=place), folder) == [loss, loss]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_while_the_engine_is_imported_is_not_lost(expected):
    folder, loss = expected
    assert run(SIGNAL_IN_AN_IMPORT, folder) == [loss]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forks_while_another_thread_compiles_can_fit(kernels_alone):
    assert run(FORKS, kernels_alone) == ["0"] * 2


def test_undisturbed_work_answers_and_fails_as_if_it_were_called():
    assert undisturbed(lambda: 7) == 7
    assert undisturbed(lambda: undisturbed(lambda: 8)) == 8
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: 1 // 0)
    workers = []
    undisturbed(lambda: workers.append(threading.current_thread()))
    assert workers[0] is not threading.main_thread()


@pytest.mark.slow
def test_definitions_outlive_their_builtins_and_do_not_add_up():
    import ctypes

    address = ctypes.cast(ctypes.pythonapi.Py_NewRef, ctypes.c_void_p).value
    entry = EntryPoint(address, BUILTIN)
    made = [threads.builtin_at(entry, job) for job in (10**6, 10**7)]
    assert [function() for function in made] == [10**6, 10**7]
    before = len(threads._definitions)
    kept = threads._definitions[address]
    for job in range(1000):
        threads.builtin_at(entry, job)
    del made
    gc.collect()
    assert len(threads._definitions) == before
    assert threads._definitions[address] is kept
