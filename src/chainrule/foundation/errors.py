"""The errors that users can meet, and the one way to build their messages.

Every message reads ``<argument> must be <rule>; got <value>. <what to do>``.
"""

import math
from difflib import get_close_matches
from typing import Any

__all__ = [
    "DataWarning",
    "DivergenceError",
    "DivergenceWarning",
    "FileFormatError",
    "InputError",
    "InputTypeError",
    "NoEffectWarning",
    "SlowEngineWarning",
    "UnknownNameError",
    "must_be",
    "shortened",
    "shown",
    "suggest",
]


# The length of a value that can be read at a glance, in letters.
LONGEST_MESSAGE = 500
LONGEST_VALUE = 120


class _Shortened(Exception):  # noqa: N818 (the names of its children end in what they are)
    """A message of at most `LONGEST_MESSAGE` letters."""

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(str(message)))


class InputError(_Shortened, ValueError):
    """An argument, a column or a file that cannot be used; the message says what to do.

    Remedy: do what the last sentence of the message says. It names the argument, its value and the
    values that it may have.

    Examples
    --------
    >>> from chainrule import Dense
    >>> Dense(0, 1)
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.InputError: n_in must be a positive integer; got 0.
    """


class InputTypeError(InputError, TypeError):
    """Data that cannot be converted to numbers: dates, objects.

    Remedy: convert the column that the message names, or use `TabularClassifier` or
    `TabularRegressor`, which prepare dates and texts themselves.
    """


class UnknownNameError(InputError, KeyError):
    """A name that no catalogue holds; the message gives the closest match and the list.

    Remedy: take a name from that list, or add a record of your own to the catalogue.
    """

    # KeyError prints the repr of its argument; users should read the sentence itself.
    __str__ = Exception.__str__


class FileFormatError(InputError):
    """A file that is damaged, foreign, or written in a format this version cannot read.

    Remedy: copy the file again, or train and save again; a file of a later format names the version
    of chainrule to install.
    """


class DivergenceError(ArithmeticError):
    """Training that left the finite numbers, or a million times its first loss.

    Remedy: take a tenth of the learning rate, and bring inputs and targets to a similar scale.
    The parameters before the fatal step are kept.

    Attributes
    ----------
    epoch, step : int
        Where it happened, both counted from 1.
    learning_rate : float or None
        The rate of that step; None where steps have none.
    loss, first_loss : float
        The loss that fired the stop, of a batch or of all rows, and the loss of the first batch.

    Examples
    --------
    >>> from chainrule import Dense, Network, train
    >>> try:
    ...     for epoch in train(Network(Dense(1, 1)), [[1.0], [2.0]], [1.0, 2.0], learning_rate=1e9):
    ...         pass
    ... except DivergenceError as error:
    ...     error.epoch < 5, error.learning_rate
    (True, 1000000000.0)
    """

    def __init__(
        self, *, epoch: int, step: int, learning_rate: float | None, loss: float, first_loss: float
    ) -> None:
        self.epoch = epoch
        self.step = step
        self.learning_rate = learning_rate
        self.loss = loss
        self.first_loss = first_loss
        rate = "" if learning_rate is None else f", the learning rate {learning_rate:g}"
        advice = "Bring inputs and targets to a similar scale."
        if not math.isfinite(first_loss):  # no rate has had a part in it
            advice = "Bring inputs and targets near 1: no rate can save a start so far off."
        elif learning_rate is not None:
            advice = f"Try a learning rate of {learning_rate / 10:g} or less, and b{advice[1:]}"
        super().__init__(
            f"training diverged in epoch {epoch}, step {step}: the loss is {loss:.6g}, the first "
            f"was {first_loss:.6g}{rate}. The last good parameters are kept. {advice}"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.epoch, self.step, self.learning_rate, self.loss, self.first_loss)
        return _rebuild_divergence, values


def _rebuild_divergence(
    epoch: int, step: int, learning_rate: float | None, loss: float, first_loss: float
) -> DivergenceError:
    return DivergenceError(
        epoch=epoch, step=step, learning_rate=learning_rate, loss=loss, first_loss=first_loss
    )


class DataWarning(_Shortened, UserWarning):
    """Inputs a network can hardly learn from, or a fit that answers the same for all rows.

    Remedy: scale the columns, as by scikit-learn's ``StandardScaler``; where the answers are all
    the same, weaken the penalties and train longer.

    Examples
    --------
    >>> import warnings
    >>> from chainrule import MLPClassifier
    >>> X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DataWarning)
    ...     model = MLPClassifier(alpha=9.0, tol=9.0).fit(X, y)
    """


class DivergenceWarning(_Shortened, RuntimeWarning):
    """A fit that diverged and went back to its last good parameters.

    Remedy: take a smaller ``learning_rate_init``, and scale inputs and targets.

    Examples
    --------
    >>> import warnings
    >>> from chainrule import MLPClassifier
    >>> X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DivergenceWarning)
    ...     model = MLPClassifier(solver="sgd", learning_rate_init=1e9).fit(X, y)
    """


class NoEffectWarning(_Shortened, UserWarning):
    """An option that was set, and acts on nothing beside the others.

    Remedy: leave the option out, or set what the message names, so that it acts.

    Examples
    --------
    >>> import warnings
    >>> from chainrule import MLPClassifier
    >>> X, y = [[0.0], [1.0]] * 20, [0, 1] * 20
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", NoEffectWarning)
    ...     model = MLPClassifier(power_t=0.3, learning_rate_init=0.1, random_state=0).fit(X, y)
    """


class SlowEngineWarning(_Shortened, UserWarning):
    """A formula that the compiled engine cannot read, so that a slower engine computes.

    It comes once per process and reason.

    Remedy: write the formula as the message says, or pass ``engine="reference"`` to say that this
    is as wanted.

    Examples
    --------
    >>> import warnings
    >>> from chainrule import Dense, Network, activations, train
    >>> class Odd(type(activations.tanh)):
    ...     name = "odd"
    ...     def value(self, xp, z):
    ...         return xp.flip(xp.tanh(z), axis=-1)
    >>> network = Network(Dense(1, 3, Odd()), Dense(3, 1))
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", SlowEngineWarning)
    ...     epochs = list(train(network, [[1.0], [2.0]], [1.0, 2.0], epochs=1))
    """


def must_be(argument: str, rule: str, value: Any, advice: str = "") -> InputError:
    """Build the error ``<argument> must be <rule>; got <value>. <advice>``.

    Examples
    --------
    >>> print(must_be("batch_size", "a positive integer", 0))
    batch_size must be a positive integer; got 0.
    """
    sentence = f"{argument} must be {rule}; got {shown(value)}."
    return InputError(f"{sentence} {advice}" if advice else sentence)


def shown(value: Any) -> str:
    """Return the repr of a value for a message: its beginning and its end, where it is long.

    Examples
    --------
    >>> shown([1, 2]), len(shown("x" * 10**6))
    ('[1, 2]', 120)
    """
    if isinstance(value, int) and value.bit_length() > LONGEST_VALUE:
        return f"a whole number of {value.bit_length():,} bits"
    try:
        text = " ".join(line.strip() for line in repr(value).split("\n"))
    except Exception:  # of a user's own class
        text = f"an object of {type(value).__name__}"
    return shortened(text, LONGEST_VALUE)


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return a text of at most so many letters: what is said first, and the advice at its end."""
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 5]} ... {text[-end:]}"


def suggest(name: str, names: list[str]) -> str:
    """Return ``Did you mean 'x'?`` for the closest name, or an empty string.

    Examples
    --------
    >>> suggest("sigmoyd", ["relu", "sigmoid"])
    "Did you mean 'sigmoid'?"
    """
    lowered = {candidate.lower(): candidate for candidate in reversed(names)}
    close = get_close_matches(str(name).lower(), list(lowered), n=1)
    return f"Did you mean {lowered[close[0]]!r}?" if close else ""
