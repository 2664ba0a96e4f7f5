"""The one number of an answer that a question is about: a prediction, or a probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.foundation.errors import must_be

__all__ = ["Answer", "answer_of", "positive_class"]


@dataclass(frozen=True)
class Answer:
    """A column of the answers.

    Attributes
    ----------
    name : str
        What it is, in words.
    place : int or None
        The number of the class; None for numbers.
    """

    name: str
    place: int | None

    def of(self, answers: np.ndarray) -> np.ndarray:
        """Return its values (n,)."""
        return answers if self.place is None else answers[:, self.place]


def answer_of(model: Any, label: Any, answers: np.ndarray) -> Answer:
    """Return the answer for a label; None is the second of two classes, or the usual answer.

    Raises
    ------
    InputError
        If there is no such class, or a regression is given a label.
    """
    if not hasattr(model, "classes_"):
        if label is not None:
            raise must_be("label", "None for a regression, which has no classes", label)
        return Answer("prediction", None)
    classes = model.classes_.tolist()
    if label is None:
        usual = int(np.bincount(answers.argmax(axis=1)).argmax())
        place = len(classes) - 1 if len(classes) <= 2 else usual
    elif label in classes:
        place = classes.index(label)
    else:
        known = ", ".join(map(repr, classes[:12])) + (", ..." if len(classes) > 12 else "")
        raise must_be("label", f"one of the classes {known}", label)
    return Answer(f"probability of {classes[place]}", place)


def positive_class(model: Any, label: Any) -> tuple[int, Any]:
    """Return the number and the label of the class that a decision is about.

    Raises
    ------
    InputError
        If there are not two classes, or the label is neither.
    """
    classes = model.classes_.tolist()
    if len(classes) != 2:
        raise must_be(
            "model", "one of two classes, between which a threshold decides", len(classes)
        )
    if label is None:
        return 1, classes[1]
    if label not in classes:
        raise must_be("label", f"{classes[0]!r} or {classes[1]!r}", label)
    return classes.index(label), label
