"""Kernels for 64-bit ARM, on which Apple and Graviton processors run: the same bits, emulated."""

import importlib.util
import os
import platform
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chainrule.engines.compiled.target import host_target

CASES = Path(__file__).with_name("cases.py")
TOOLS = ("qemu-aarch64", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objcopy")
# The norm of a clipped gradient is summed by lanes, so its bits depend on the width of vectors.
NEON_BYTES = 16
REQUIRED = os.environ.get("CHAINRULE_TEST_EMULATOR") == "required"

missing = [tool for tool in TOOLS if shutil.which(tool) is None]
if not REQUIRED and (missing or (sys.platform, platform.machine()) != ("linux", "x86_64")):
    pytest.skip(
        "needs Linux on x86-64 with Debian's qemu-user and gcc-aarch64-linux-gnu",
        allow_module_level=True,
    )


def with_divider():
    """Return this processor with vectors of ARM's width, and with a divider as quick as ARM's."""
    target = host_target(NEON_BYTES)
    return replace(target, features=target.features.replace("+avx512vl", "-avx512vl"))


def unlimited_stack() -> None:
    """Let Linux place the memory of the next program low."""
    resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arm_has_the_bits_of_this_processor(dtype, tmp_path):
    file = tmp_path / "found.npz"
    done = subprocess.run(
        [sys.executable, str(CASES), dtype, str(file)],
        capture_output=True,
        text=True,
        preexec_fn=unlimited_stack,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    spec = importlib.util.spec_from_file_location("emulated_cases", CASES)
    cases = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cases)
    with np.load(file) as found:
        expected = dict(cases.answers(with_divider(), dtype))
        assert set(found) == set(expected)
        for name, values in expected.items():
            finite = bool(np.isfinite(values).all())
            assert finite, name
            np.testing.assert_array_equal(found[name], values, err_msg=name)
