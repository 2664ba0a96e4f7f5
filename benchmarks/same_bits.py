"""Digests of twenty fits: two versions of the code, or two numbers of threads, print the same.

    python benchmarks/same_bits.py > before.txt     # then, with the changed code
    python benchmarks/same_bits.py | diff before.txt -

Both engines, classes and numbers, dense and sparse rows, both precisions and several rules. No fit
meets a subnormal number. Digests of different processors differ, so none is kept here.
"""

import hashlib
import warnings
from itertools import product

import numpy as np
import scipy.sparse

from chainrule import MLPClassifier, MLPRegressor

RULES = (
    {"solver": "sgd", "momentum": 0.9, "alpha": 1e-3},
    {"solver": "adam", "alpha": 0.0, "activation": "tanh"},
)


def rows(numbers: bool, sparse: bool, dtype: str) -> tuple[object, np.ndarray]:
    """Return 500 rows of 20 inputs, a quarter of them not 0 where they are sparse."""
    random = np.random.default_rng(7)
    x = random.standard_normal((500, 20))
    if sparse:
        x *= random.random(x.shape) < 0.25
    target = x[:, 0] * x[:, 1] + np.abs(x[:, 2]) + 0.1 * random.standard_normal(500)
    y = target if numbers else np.digitize(target, [0.5, 1.5])
    x = x.astype(dtype)
    return scipy.sparse.csr_matrix(x) if sparse else x, y


def main() -> None:
    """Fit, and print a line for each fit."""
    cases = list(product(("compiled", "reference"), (False, True), (False, True), RULES))
    dtypes = ("float32", "float64")
    fits = [(*case, dtypes[number % 3 == 2]) for number, case in enumerate(cases)]
    for engine, numbers in product(("compiled", "reference"), (False, True)):
        fits.append((engine, numbers, False, {"solver": "lbfgs"}, "float64"))
    for engine, numbers, sparse, rule, dtype in fits:
        x, y = rows(numbers, sparse, dtype)
        make = MLPRegressor if numbers else MLPClassifier
        model = make(
            hidden_layer_sizes=(24, 12), engine=engine, max_iter=12, random_state=3, **rule
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
        answers = model.predict(x) if numbers else model.predict_proba(x)
        digest = hashlib.sha256()
        for array in (*model.coefs_, *model.intercepts_, answers):
            array = np.ascontiguousarray(array)
            tiny = np.abs(array[array != 0]) < np.finfo(array.dtype).tiny
            assert not tiny.any(), "this fit meets subnormal numbers"
            digest.update(array.tobytes())
        kind = f"{'numbers' if numbers else 'classes'} {'sparse' if sparse else 'dense'}"
        print(f"{engine} {kind} {rule['solver']} {dtype}: {digest.hexdigest()[:16]}")


if __name__ == "__main__":
    main()
