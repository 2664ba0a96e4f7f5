"""The page as a widget, for the cell of a notebook."""

from typing import Any

from chainrule.app.play.beginning import check_packages

__all__ = ["widget"]


def widget(model: Any = None, X: Any = None, y: Any = None) -> Any:
    """Return the page of `play` as a widget, for the notebook that shows it.

    Parameters
    ----------
    model, X, y
        As in `play`.

    Raises
    ------
    InputError
        If a package of the extra ``notebook`` is missing.

    Examples
    --------
    >>> shown = widget()
    >>> shown.session.settings.data
    'chapter'
    """
    check_packages("notebook")
    from chainrule.app.play.widget import Widget

    return Widget(model, X, y)
