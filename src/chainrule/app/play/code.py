"""Write Python programs with the numbers of the page: all that was done, or one chain rule."""

import numpy as np

from chainrule.app.play.data import DATA_SETS
from chainrule.app.play.forms import written_record
from chainrule.app.play.moments import Done, Drawn, Edit, Point, Rule
from chainrule.app.play.own_rows import BUILT_IN
from chainrule.app.play.plane import dense
from chainrule.app.play.program_files import (
    INPUTS,
    MOST_NUMBERS,
    ROWS,
    STATE,
    model_rows,
    too_many,
)
from chainrule.app.play.run import Run
from chainrule.app.play.settings import CHAPTER_BIASES, CHAPTER_WEIGHTS, Problem, Settings
from chainrule.formulas.loss import losses
from chainrule.formulas.optimizers import optimizers
from chainrule.formulas.penalties import penalties
from chainrule.formulas.schedules import constant, schedules
from chainrule.foundation.errors import InputError
from chainrule.insight.chain import Chain
from chainrule.model.network import Network

__all__ = ["program_of", "program_of_chain"]


def program_of(settings: Settings, run: Run) -> str:
    """Return the program; its last line is the loss of the rows that were trained on.

    A trained network, and rows that are too many to write down, are loaded from files beside it:
    see `files_of`.

    Raises
    ------
    InputError
        If the rows of a trained model are not those of a call of `chainrule.steps`.
    """
    lines = ["from itertools import islice", "", "import numpy as np"]
    base = run.base
    began, drawn = base.settings, base is not run.problem
    loss, options = repr(settings.loss), ""
    if began.model is not None:
        loss = written_record(losses, base.subject.objective.loss)
        written, options = _loaded(base)
    else:
        network = _network(base.subject.objective.network)
        written = ["", "import chainrule as cr", *_imports(began), ""]
        written += [*_rows(began, drawn=drawn), "", *network, *_state(began, base), ""]
    lines += written
    lines += [
        "",
        "def go(count, frozen=(), until=None, **options):",
        "    epoch, per_epoch = state.epoch, -(-len(y) // options[\"batch_size\"])",
        "    epochs = until - epoch if until else count",
        "    made = cr.steps(network, x, y, state=state, epochs=epochs, engine=\"reference\",",
        f"                    loss={loss}, optimizer=optimizer{options}, **options)",
        "    for step in islice(made, count):",
        "        for index, value in frozen:",
        "            state.vector[index] = value",
        "    state.epoch = epoch + count // per_epoch",
        "",
        "",
    ]  # fmt: skip
    apart = drawn and len(began.split()[1]) > 0
    for done in run.moment.log:
        if apart and isinstance(done, Drawn):
            lines += ["x, y = every"]
            apart = False
        lines += _done(done)
    inputs = "x.toarray()" if "import scipy.sparse" in lines else "x"
    each = "loss.rows(np, scores, targets)"
    mean = f"mean({each})"
    if "weight" in options:
        mean = f"average({each}, weights=row_weight)"
    lines += [
        "parameters = network.parameters(state.vector)",
        "pairs = zip(parameters.weights, parameters.biases)",
        "for layer, (weight, bias) in enumerate(pairs, start=1):",
        '    print("layer", layer, "weights", weight.tolist(), "biases", bias.tolist())',
        f"loss = {loss if began.model is not None else f'cr.losses.get({loss})'}",
        f"scores = network.predict(parameters, {inputs})",
        "targets = loss.encode(y, network.n_out, state.vector)",
        f'print("loss", float(np.{mean}))',
        "",
    ]
    return "\n".join(lines)


def _imports(settings: Settings) -> list[str]:
    found = []
    if settings.data in DATA_SETS and settings.data != "chapter":
        found.append("from chainrule.app.play.data import make_data")
    if settings.data in BUILT_IN:
        found.append("from chainrule.app.play.own_rows import built_in_rows")
    if len(settings.split()[1]):
        found.append("from chainrule.training.splits import held_out_rows")
    return found


def _rows(settings: Settings, *, drawn: bool) -> list[str]:
    x, y = settings.arrays
    if settings.data in DATA_SETS and settings.data != "chapter":
        arguments = f"rows={settings.rows}, noise={settings.noise}, seed={settings.seed}"
        lines = [f"x, y = make_data({settings.data!r}, {arguments})"]
    elif settings.data in BUILT_IN:
        lines = [f"x, y = built_in_rows({settings.data!r}).arrays"]
    elif too_many(settings):
        lines = [f"with np.load({ROWS!r}) as rows:", '    x, y = rows["x"], rows["y"]']
    else:
        lines = [f"x = np.array({x.tolist()})", f"y = np.array({y.tolist()})"]
    if len(settings.split()[1]):
        if drawn:
            lines += ["every = x, y"]
        split = f"held_out_rows({len(x)}, {settings.held_out}, {settings.seed})"
        lines += [f"train, _ = {split}", "x, y = x[train], y[train]"]
    return lines


def _loaded(base: Problem) -> tuple[list[str], str]:
    """Return the lines that load a trained model and its rows, and the options of its steps."""
    x, arrays = model_rows(base)
    sparse = not isinstance(x, np.ndarray)
    inputs = f"scipy.sparse.load_npz({INPUTS!r})" if sparse else 'rows["x"]'
    options = f", dtype={str(base.subject.vector.dtype)!r}"
    lines = [*(["import scipy.sparse"] if sparse else []), "", "import chainrule as cr", ""]
    lines += [f"with np.load({ROWS!r}) as rows:", f'    x, y = {inputs}, rows["y"]']
    if "weight" in arrays:
        said = "# scaled to a mean of 1 again: the numbers are the same up to rounding"
        lines += ['    row_weight = rows["weight"]  ' + said]
        options += ", sample_weight=row_weight"
    return [
        *lines,
        f"state = cr.load_state({STATE!r})",
        "network = state.network",
        f"optimizer = {written_record(optimizers, base.subject.optimizer)}",
        "",
    ], options


def program_of_chain(found: Chain) -> str:
    """Return the program that computes a chain rule again, with its network and its rows.

    Raises
    ------
    InputError
        If network and rows hold too many numbers to be written down, or targets are no classes.
    """
    subject, rows = found.subject, found.subject.rows
    x, y = dense(rows.x), np.asarray(rows.y)
    count = x.size + y.size + subject.vector.size
    if count > MOST_NUMBERS or subject.shared:
        raise InputError(
            f"network and rows must hold at most {MOST_NUMBERS:,} numbers of their own to be "
            f"written into a program; got {count:,}. Choose one row, or call chainrule.explain."
        )
    objective, place = subject.objective, found.place
    if objective.loss.rowwise:
        if not np.isin(y, (0.0, 1.0)).all():
            raise InputError("targets must be whole classes for a program; these are smoothed.")
        y = np.argmax(y, axis=1)
    else:
        y = y[:, 0] if y.shape[1] == 1 else y
    at = f"layer={place.layer}, to={place.to + 1}"
    call = f"bias({at})" if place.unit is None else f"weight({at}, unit={place.unit + 1})"
    loss = written_record(losses, objective.loss)
    weight = "" if rows.weight is None else f"{np.asarray(rows.weight).tolist()}, "
    lines = [
        "import numpy as np",
        "",
        "import chainrule as cr",
        "",
        *_network(objective.network),
        f"vector = np.array({subject.vector.tolist()}, dtype=np.{subject.vector.dtype})",
        f"x = np.array({x.tolist()}, dtype=np.{subject.vector.dtype})",
        f"y = np.array({y.tolist()})",
        f"parts = (network, network.parameters(vector)), x, y, {weight}".rstrip(", "),
        f"found = cr.explain(*parts, loss={loss}).{call}",
        "print(found)",
        "gradient = found.gradient",
    ]
    if place.unit is not None:
        for one in objective.penalties:
            record = written_record(penalties, one)
            lines.append(f"gradient += {record}.gradient(np, np.array([found.weight]))[0]")
    return "\n".join([*lines, 'print("gradient", float(gradient))', ""])


def _network(network: Network) -> list[str]:
    layers = [repr(one) for one in network.layers]
    if len(layers) == 1:
        return [f"network = cr.Network(cr.{layers[0]})"]
    return ["network = cr.Network(", *(f"    cr.{one}," for one in layers), ")"]


def _state(settings: Settings, base: Problem) -> list[str]:
    seed = settings.seed
    if settings.start == "chapter":
        weights, biases = map(_lists, (CHAPTER_WEIGHTS, CHAPTER_BIASES))
        start = [f"start = cr.Parameters.from_arrays({weights}, {biases})"]
    else:
        start = [f"start = network.start({seed})"]
    return [
        *start,
        f"optimizer = {written_record(optimizers, base.subject.optimizer)}",
        f"state = cr.TrainingState.start(network, optimizer, seed={seed}, parameters=start)",
    ]


def _lists(values: object) -> str:
    return repr(values).replace("(", "[").replace(",)", "]").replace(")", "]")


def _done(done: Done) -> list[str]:
    if isinstance(done, Edit):
        return [f"state.vector[{done.index}] = {done.value!r}"]
    if isinstance(done, Rule):
        tuned = "state = state.tuned(optimizer)"
        return [f"optimizer = {written_record(optimizers, done.optimizer)}", tuned]
    if isinstance(done, Drawn):
        return _drawn(done.point)
    options = f"batch_size={done.batch_size}"
    for name in ("l1", "l2"):
        if getattr(done, name):
            options += f", {name}={getattr(done, name)!r}"
    if done.schedule != constant:
        options += f", schedule={written_record(schedules, done.schedule)}"
    if done.schedule.needs_total:
        options += f", until={done.epochs}"
    if done.dropout:
        options += f", dropout={list(done.dropout)!r}"
    if done.frozen:
        options += f", frozen={list(done.frozen)!r}"
    return [f"state.learning_rate = {done.learning_rate!r}", f"go({done.steps}, {options})"]


def _drawn(point: Point) -> list[str]:
    row, place = point.row, list(point.place)
    if point.kind == "removed":
        return [f"x, y = np.delete(x, {row}, axis=0), np.delete(y, {row})"]
    if point.kind == "added":
        return [f"x, y = np.vstack([x, [{place!r}]]), np.append(y, {point.target!r})"]
    target = [] if point.target is None else [f"y[{row}] = {point.target!r}"]
    return [f"x[{row}] = {place!r}", *target]
