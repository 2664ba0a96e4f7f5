"""The readable engine needs no LLVM: not for ensembles either."""

import subprocess
import sys

import pytest

FIT = """
import sys, warnings
sys.modules["llvmlite"] = None
warnings.simplefilter("ignore")
from chainrule import MLPClassifier
X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
model = MLPClassifier(n_estimators=2, engine="reference", max_iter=60, random_state=0).fit(X, y)
print(model.predict(X)[:2].tolist(), "chainrule.engines.compiled.engine" in sys.modules)
"""


@pytest.mark.slow
def test_an_ensemble_of_the_readable_engine_needs_no_llvm():
    done = subprocess.run([sys.executable, "-c", FIT], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[0, 1] False", done.stderr
