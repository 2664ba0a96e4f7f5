"""The network inside searches, pipelines and nets of skorch."""

from collections.abc import Callable
from typing import Any

from chainrule.foundation.errors import InputError, must_be

__all__ = ["unwrap"]


def unwrap(model: Any) -> tuple[Any, Callable[[Any], Any], tuple[str, ...]]:
    """Return the network within, what comes before it, and the notes that say so.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from chainrule import MLPRegressor
    >>> X, y = [[0.0], [1.0]] * 20, [0.0, 1.0] * 20
    >>> network = MLPRegressor(max_iter=30, tol=9.0, random_state=0)
    >>> whole = make_pipeline(StandardScaler(), network).fit(X, y)
    >>> network, prepare, notes = unwrap(whole)
    >>> network is whole[-1], float(prepare(X)[0, 0])
    (True, -1.0)
    """
    if hasattr(model, "best_estimator_"):
        within, prepare, notes = unwrap(model.best_estimator_)
        return within, prepare, (f"the best network that {type(model).__name__} found", *notes)
    if hasattr(model, "param_distributions") or hasattr(model, "param_grid"):
        raise must_be(
            "model",
            "a fitted search that keeps its best network",
            type(model).__name__,
            "Call fit, with refit=True.",
        )
    if hasattr(model, "steps") and hasattr(model, "named_steps"):
        within, after, notes = unwrap(model.steps[-1][1])
        names = [name for name, step in model.steps[:-1] if step not in (None, "passthrough")]
        if not names:
            return within, after, notes

        def prepare(x: Any) -> Any:
            try:
                return after(model[:-1].transform(x))
            except Exception as error:
                said = str(error).strip().partition("\n")[0]
                raise InputError(
                    f"X must be what the pipeline's steps {', '.join(names)} take, fitted; they "
                    f"refuse: {said}"
                ) from error

        said = f"X is what the pipeline's steps {', '.join(names)} make of the rows"
        return within, prepare, (said, *notes)
    if hasattr(model, "module_") and hasattr(model, "get_params"):
        return model.module_, _as_given, (f"the module of {type(model).__name__}",)
    if hasattr(model, "module") and hasattr(model, "initialize_module"):
        name = type(model).__name__
        raise must_be("model", "fitted before it is explained", name, "Call fit first.")
    return model, _as_given, ()


def _as_given(x: Any) -> Any:
    return x
