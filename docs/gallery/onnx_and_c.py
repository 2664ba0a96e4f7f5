"""
The same answers in ONNX and in C
=================================

A fitted network leaves as an ONNX graph or as a file of C. Both are written from the formulas
that are trained, and answer as the estimator does, to the last digits of single precision.
"""

import ctypes
import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.datasets import load_digits

from chainrule import MLPClassifier

X, y = load_digits(return_X_y=True)
X = (X / 16.0).astype(np.float32)
model = MLPClassifier(
    (32,), "silu", learning_rate="cosine", learning_rate_init=0.01, max_iter=15, random_state=0
).fit(X, y)
ours = model.predict_proba(X)

session = onnxruntime.InferenceSession(
    model.to_onnx().SerializeToString(), providers=["CPUExecutionProvider"]
)
answers = {"ONNX Runtime": session.run(None, {"x": X})[1]}

# %%
# The C needs a compiler and no library but that of maths. Without a compiler, the picture has one
# column less.

compiler = shutil.which("cc")
if compiler:
    folder = Path(tempfile.mkdtemp())
    model.to_c(folder / "digits.c", name="digits")
    command = [compiler, "-O2", "-shared", "-fPIC", "digits.c", "-o", "digits.so", "-lm"]
    subprocess.run(command, check=True, cwd=folder)  # noqa: S603
    predict = ctypes.CDLL(str(folder / "digits.so")).digits_predict
    pointer = ctypes.POINTER(ctypes.c_float)
    answers["C"] = np.empty((len(X), 10), np.float32)
    for row, out in zip(X, answers["C"], strict=True):
        predict(row.ctypes.data_as(pointer), out.ctypes.data_as(pointer))

figure, axes = plt.subplots(figsize=(7, 3.8), layout="constrained")
for name, theirs in answers.items():
    difference = np.abs(theirs - ours).max(axis=1)
    axes.plot(np.sort(difference), label=f"{name}: at most {difference.max():.1e}")
    assert (theirs.argmax(axis=1) == ours.argmax(axis=1)).all()
axes.set(xlabel="rows, sorted", ylabel="largest difference of a probability")
axes.legend()
plt.show()
