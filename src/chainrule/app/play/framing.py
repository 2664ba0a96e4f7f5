"""The frame of one moment: everything that the page shows of it."""

from typing import Any

import numpy as np

from chainrule.app.play.looking import TILE, Look, Looking
from chainrule.app.play.own_rows import sentences
from chainrule.app.play.panel import chain_of, panel_of
from chainrule.app.play.picture import (
    boundary,
    heat_maps,
    layer_health,
    loss_chart,
    points,
)
from chainrule.app.play.run import Run
from chainrule.app.play.settings import FEWEST_TO_SPLIT

__all__ = ["PARTS", "frame_of"]

# Networks with wider layers are shown as matrices.
WIDEST = 20
#: The parts of a frame that the page can do without.
PARTS = {"boundary", "losses", "health", "panel"}
AVERAGED = (
    "The picture and the losses are those of the weights that steps move. Their average is kept "
    "beside them: the chain rule of a weight shows it."
)
Arrays = dict[str, np.ndarray]


def frame_of(
    run: Run, looking: Looking, want: set[str], *, whole: bool
) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of the frame of a run's moment.

    Parameters
    ----------
    run, looking
        The training, and what its reader looks at.
    want : set of str
        Those of `PARTS` that are wanted.
    whole : bool
        True to add the rows as points, and the names of the inputs.
    """
    moment = run.moment
    if run.losses[-1].step != moment.step:
        run.measure()
    look = looking.at(run)
    header = _numbers(run, looking, look)
    arrays: Arrays = {}
    if whole:
        header["input_names"] = list(run.problem.subject.input_names)
        arrays |= points(run)
    _add_network(header, arrays, run, looking, look)
    if "boundary" in want:
        record, levels = boundary(run)
        header["boundary"] = record
        arrays |= levels
        if header["drawn"]:
            arrays |= heat_maps(run)
    if "losses" in want:
        header["losses"] = loss_chart(run)
    if "health" in want:
        header["health"] = layer_health(run, run.subject)
    if looking.place is not None and "panel" in want:
        found = chain_of(look.subject, looking.place, None)
        header["panel"] = panel_of(found, looking.opened, look.numbers)
        header["panel"]["frozen"] = looking.place.index(run.subject) in run.frozen
    return header, arrays


def _numbers(run: Run, looking: Looking, look: Look) -> dict[str, Any]:
    moment, layers = run.moment, run.objective.network.layers
    measured = run.losses[-1]
    return {
        "step": moment.step,
        "epoch": moment.epoch,
        "batch": {"place": moment.place, "of": run.plan.steps},
        "past": len(run.past),
        "rate": run.rate,
        "finished": run.finished,
        "loss": measured.loss,
        "held_out": measured.held_out,
        "splits": len(run.problem.settings.arrays[0]) >= FEWEST_TO_SPLIT,
        "accuracy": measured.right,
        "held_out_accuracy": measured.held_out_right,
        "kind": run.problem.kind,
        "widths": [layers[0].n_in, *(one.n_out for one in layers)],
        "activations": [one.activation.name for one in layers],
        "link": run.objective.loss.link.name,
        "scope": looking.scope,
        "scope_words": look.words,
        "answer": look.answer,
        "rows": len(run.rows),
        "phase": looking.phases.to_dict(),
        "notes": [
            *sentences(run.problem.subject.notes),
            *([AVERAGED] if run.optimizer.averaging else []),
        ],
        "frozen": sorted(run.frozen),
        "biases": [one.bias for one in layers],
    }


def _add_network(
    header: dict[str, Any], arrays: Arrays, run: Run, looking: Looking, look: Look
) -> None:
    vector = np.asarray(run.moment.vector, dtype=np.float64)
    header["drawn"] = max(header["widths"]) <= WIDEST
    every = {"weight": vector, "gradient": look.units.gradient, "update": vector - run.before}
    if header["drawn"]:
        arrays |= every | look.units.means
        return
    layer, unit, to = looking.corner
    span, _ = run.objective.network.layout.layers[layer - 1]
    header["tile"] = {"layer": layer, "unit": unit, "to": to, "largest": {}}
    for name, values in every.items():
        matrix = values[span.at].reshape(span.shape)
        tile = matrix[unit : unit + TILE[0], to : to + TILE[1]]
        header["tile"] |= {"rows": tile.shape[0], "columns": tile.shape[1]}
        finite = np.abs(matrix[np.isfinite(matrix)])
        header["tile"]["largest"][name] = float(finite.max(initial=0.0))
        arrays[f"tile_{name}"] = tile
