"""Comparison of an engine with the reference engine in float64, within a table of tolerances."""

import numpy as np

from chainrule import Objective, optimizers
from chainrule.engines.engine import Rows
from chainrule.engines.reference import ReferenceEngine

# How far an answer may be off, relative to the largest number of its array: some four times what
# was measured.
TOLERANCE = {
    "float32": {
        "scores": 1.5e-6,
        "predictions": 6e-7,
        "loss": 1.5e-6,
        "gradient": 6e-6,
        "steps": 3e-6,
    },
    "float64": {
        "scores": 3e-15,
        "predictions": 1e-15,
        "loss": 3e-15,
        "gradient": 4e-15,
        "steps": 5e-15,
    },
}
RULES = {
    "sgd": optimizers.get("sgd"),
    "momentum": optimizers.get("sgd", momentum=0.9),
    "nesterov": optimizers.get("sgd", momentum=0.9, nesterov=True),
    "adam": optimizers.get("adam"),
    "adamw": optimizers.get("adamw", weight_decay=0.1),
    "rmsprop": optimizers.get("rmsprop"),
    "averaged": optimizers.get("adamw", averaging=0.9),
    "clipped": optimizers.get("sgd", momentum=0.9, clip_norm=0.1),
    "clipped sometimes": optimizers.get("adamw", clip_norm=0.4, averaging=0.5),
    "never clipped": optimizers.get("rmsprop", clip_norm=1e6),
}


def close(got, true, question, dtype):
    got, true = np.asarray(got, np.float64), np.asarray(true, np.float64)
    scale = np.abs(true).max() if true.size else 1.0
    tolerance = TOLERANCE[dtype][question] * max(scale, 1e-12)
    np.testing.assert_allclose(got, true, rtol=0, atol=tolerance, err_msg=question)


def exact(rows):
    """Return the same numbers in float64, written out."""
    x = (rows.x.toarray() if hasattr(rows.x, "toarray") else rows.x).astype(np.float64)
    weight = None if rows.weight is None else rows.weight.astype(np.float64)
    return Rows(x, rows.y.astype(np.float64), weight)


def answers(engine_of, objective, rows, dtype):
    whole = Objective(objective.network, objective.loss, objective.penalties)
    engine, truth = engine_of(objective), ReferenceEngine(whole, RULES["sgd"])
    vector = objective.network.start(1, dtype).vector
    before, wide, true_rows = vector.tobytes(), vector.astype(np.float64), exact(rows)
    scores = engine.scores(vector, rows.x)
    assert scores.dtype == dtype
    close(scores, truth.scores(wide, true_rows.x), "scores", dtype)
    predictions = engine.predictions(scores)
    assert predictions.dtype == dtype
    close(predictions, truth.predictions(scores.astype(np.float64)), "predictions", dtype)
    close(engine.loss(vector, rows), truth.loss(wide, true_rows), "loss", dtype)
    loss, gradient = engine.gradient(vector, rows)
    true_loss, true_gradient = truth.gradient(wide, true_rows)
    close(loss, true_loss, "loss", dtype)
    assert gradient.dtype == dtype
    close(gradient, true_gradient, "gradient", dtype)
    assert vector.tobytes() == before


def steps(problems, engine_of, objective, rows, dtype, rule="momentum", **options):
    """Compare a run of two calls; the last batch is short."""
    order = np.random.default_rng(3).permutation(len(rows))
    ends = []
    for make, some, kind in ((engine_of, rows, dtype), (ReferenceEngine, exact(rows), "float64")):
        start = problems.position(objective.network, RULES[rule], dtype)
        start.vector = start.vector.astype(kind)
        start.slots = tuple(slot.astype(kind) for slot in start.slots)
        handed_in = [start.vector, *start.slots]
        before = [array.tobytes() for array in handed_in]
        engine = make(objective, RULES[rule])
        ends.append(problems.run(engine, some, start, order, 16, calls=2, **options))
        assert [array.tobytes() for array in handed_in] == before
    (end, totals), (true_end, true_totals) = ends
    assert end.step == true_end.step == -(-len(rows) // 16)
    assert end.vector.dtype == dtype
    close(end.vector, true_end.vector, "steps", dtype)
    for slot, true_slot in zip(end.slots, true_end.slots, strict=True):
        assert slot.dtype == dtype
        close(slot, true_slot, "steps", dtype)
    for one, true in zip(totals, true_totals, strict=True):
        assert one.steps == true.steps
        for name in ("loss", "weight", "last_loss"):
            close(getattr(one, name), getattr(true, name), "steps", dtype)
