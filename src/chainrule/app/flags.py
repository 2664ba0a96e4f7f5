"""The flags of ``chainrule fit``: how an option of the estimators is given on a line of text.

What an option means and what it may be stands in its record (`chainrule.estimators.options`); a
flag adds its spelling, and how its text is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any

from chainrule.estimators.options import OPTIONS
from chainrule.estimators.rules import Rule
from chainrule.foundation.errors import must_be

__all__ = ["NETWORK", "TRAINING", "Flag", "flag", "flag_of", "in_flags", "read_flag", "spelled"]

NETWORK, TRAINING = "Network", "Training"
# What only code can pass, or do, in the words on when an option acts.
ONLY_IN_CODE = re.compile(
    r",? (?:and without|or) X_val and y_val|, by name|, and is given by name|, which are held out.*"
)


@dataclass(frozen=True)
class Flag:
    """The spelling, help, type and rule of a setting.

    Attributes
    ----------
    option : str
        The option of the estimators that it gives; empty for a setting of the command alone.
    words : str
        Its help; the first sentence of the option's text if empty.
    panel : str, optional
        Under which heading the help shows it.
    metavar : str, optional
        What stands for the value in the help.
    also : tuple of str
        Other spellings.
    read : callable, optional
        The value from the text; ValueError where there is none.
    own_rule : Rule, optional
        What the value must be, in place of the option's rule.
    """

    option: str = ""
    words: str = ""
    panel: str | None = TRAINING
    metavar: str | None = None
    also: tuple[str, ...] = ()
    read: Callable[[Any], Any] | None = None
    own_rule: Rule | None = None

    @property
    def rule(self) -> Rule | None:
        """The rule for the value, in words."""
        return self.own_rule or (OPTIONS[self.option].rule if self.option else None)

    @property
    def help(self) -> str:
        """One sentence."""
        return self.words or first_sentence(OPTIONS[self.option].text)


def flag(default: Any, option: str = "", words: str = "", **more: Any) -> Any:
    """Return the field of a setting."""
    return field(default=default, metadata={"flag": Flag(option, words, **more)})


def flag_of(setting: Field[Any]) -> Flag:
    """Return the flag of a field made by `flag`."""
    found: Flag = setting.metadata["flag"]
    return found


def first_sentence(text: str) -> str:
    """Return the first sentence of an option's text, up to its details, without markup.

    Examples
    --------
    >>> first_sentence("Momentum of ``sgd``; 0 is none. See `fit`.")
    'Momentum of sgd.'
    """
    plain = text.replace("`", "").replace('"', "")
    return re.split(r"[;:]\s|\.(?:\s|$)", plain, maxsplit=1)[0] + "."


def spelled(name: str) -> str:
    """Return how a setting is spelled.

    Examples
    --------
    >>> spelled("clip_norm")
    '--clip-norm'
    """
    return f"--{name.replace('_', '-')}"


def read_flag(name: str, known: Flag, value: Any) -> Any:
    """Return what the estimator's option is to be; refuse what it may not be.

    Raises
    ------
    InputError
        With the flag's name, the option's rule and the text.
    """
    rule = known.rule
    try:
        found = value if known.read is None else known.read(value)
        if rule is None or rule.holds(found):
            return found
    except ValueError:
        if rule is None:
            raise
    assert rule is not None
    # None is what leaving the flag out means
    raise must_be(spelled(name), rule.words.removeprefix("None or "), value)


def in_flags(text: str, settings: type) -> str:
    """Return a sentence about options with the flags that give them.

    Examples
    --------
    >>> from chainrule.app.settings import Settings
    >>> in_flags("l1=0.5 has no effect: it acts with early_stopping=True, or X_val and y_val.",
    ...          Settings)
    '--l1 0.5 has no effect: it acts with --early-stopping.'
    >>> in_flags("max_iter must be a positive integer; got 0.", Settings)
    '--epochs must be a positive integer; got 0.'
    """
    text = ONLY_IN_CODE.sub("", text)
    by_option = {flag_of(one).option: spelled(one.name) for one in fields(settings)}
    for option, name in sorted(by_option.items(), key=lambda pair: -len(pair[0])):
        if not option:
            continue
        text = re.sub(rf"(?<![\w-]){option}=True\b", name, text)
        text = re.sub(rf"(?<![\w-]){option}=False\b", name.replace("--", "--no-", 1), text)
        value = rf"(?<![\w-]){option}=(['\"]?)([^\s'\",;]*[^\s'\",;.])\1"
        text = re.sub(value, rf"{name} \2", text)
        text = re.sub(rf"^{option}(?= must|\[)", name, text)
        if "_" in option:
            text = re.sub(rf"(?<![\w-]){option}(?!\w)", name, text)
    text = re.sub(r"^sample_weight(?= must)", "--weight", text)
    text = text.replace("held out. Pass X_val and y_val.", "held out. Take another --seed.")
    return re.sub(r"^groups(?= must)", "--groups", text)
