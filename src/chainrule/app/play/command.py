"""The command that opens the page, for a data set, a table, or a model file with rows."""

from __future__ import annotations

from chainrule.app.play.beginning import check_packages
from chainrule.app.play.opening import serve
from chainrule.app.play.own_rows import OwnRows, of_explanation, of_table
from chainrule.app.play.session import Session
from chainrule.app.play.settings import Settings
from chainrule.app.report import Report
from chainrule.foundation.errors import InputError, must_be

__all__ = ["play"]

SUFFIX = ".chainrule"
# Rows of a model's table that the page takes.
MOST_ROWS = 5000


def play(
    data: str | None,
    rows: str | None,
    *,
    target: str | None,
    port: int,
    browser: bool,
    report: Report,
) -> None:
    """Open the page and serve it until Ctrl-C.

    Raises
    ------
    InputError
        If the table or the model cannot be used, or a package is missing.
    """
    check_packages()
    if not 0 <= port < 65_536:
        raise must_be("--port", "from 0 to 65535", port)
    settings = Settings()
    if data is not None:
        is_model = data.endswith(SUFFIX)
        if is_model and target is not None:
            raise must_be("--target", "left out for a model, which knows its own", target)
        if rows is not None and not is_model:
            rule = f"left out, unless the first argument is a model ({SUFFIX})"
            raise must_be("ROWS", rule, rows)
        own = _of_model(data, rows, report) if is_model else _of_table(data, target, report)
        settings = settings.with_own(own)
    elif target is not None:
        raise must_be("--target", "given with a table", target)
    serve(Session(settings), port=port, browser=browser, wait=True)


def _of_table(data: str, target: str | None, report: Report) -> OwnRows:
    from chainrule.app.tables import is_built_in, read_table

    frame = read_table(data, tell=report.note)
    if target is None and is_built_in(data):
        target = frame.columns[-1]
    return of_table(frame, target, data)


def _of_model(path: str, rows: str | None, report: Report) -> OwnRows:
    from chainrule.app.predict import known_targets
    from chainrule.app.table_models import read_table_model
    from chainrule.app.tables import read_table

    if rows is None:
        raise InputError(
            f"ROWS must be a table with the target to look at a model: chainrule play {path} "
            "rows.csv."
        )
    model = read_table_model(path)
    frame = read_table(rows, texts=model.texts, tell=report.note)
    name = model.target
    if name is None or name not in frame.columns:
        wanted = "the target" if name is None else f"the target {name!r}"
        raise InputError(f"{rows} must hold {wanted}, to compute a loss; add that column.")
    if frame.height > MOST_ROWS:
        report.note(f"the first {MOST_ROWS:,} of {frame.height:,} rows are used")
        frame = frame.head(MOST_ROWS)
    y, known = known_targets(model, frame[name])
    if not known.any():
        raise InputError(f"{rows} must hold a known {name!r} in some row; it has none.")
    return of_explanation(model.estimator.explain(frame.filter(known), y))
