"""The answer of several networks as one score, and its derivative by what each of them sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.estimators.base import codec_of
from chainrule.estimators.classifier import MLPClassifier
from chainrule.formulas.activations import sigmoid, softmax
from chainrule.formulas.losses import Quantile
from chainrule.foundation.arrays import namespace
from chainrule.foundation.errors import must_be
from chainrule.tables.members import Member

__all__ = ["Score", "score_for"]


@dataclass(frozen=True, eq=False)
class Score:
    r"""The score that is explained, in float64.

    Of numbers it is the mean of the networks' answers by their weights v. Of a class it is the log
    odds of the mean of their probabilities,

    .. math:: f = \ln \frac{p}{1 - p}, \quad p = \frac{\sum_i v_i p_i}{\sum_i v_i}

    where p is what the model answers.

    Attributes
    ----------
    members : sequence of Member
        The networks.
    place : int or None
        The number of the class; None for numbers.
    n_classes : int
        How many classes the model knows.
    temperature : float
        What the scores of classes are divided by.
    """

    members: Sequence[Member]
    place: int | None
    n_classes: int = 0
    temperature: float = 1.0

    def value(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the score (n,) of rows, given by what each network sees of them."""
        return self._of(inputs, False)[0]

    def gradient(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return its derivative by the inputs, per network an array of their shape."""
        return self._of(inputs, True)[1]

    def _of(
        self, inputs: Sequence[np.ndarray], wanted: bool
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        passes = [_scores(member, X) for member, X in zip(self.members, inputs, strict=True)]
        values, back = self._combined([scores for scores, _ in passes])
        if not wanted:
            return values, []
        return values, [
            pullback(dscores) for (_, pullback), dscores in zip(passes, back, strict=True)
        ]

    def _combined(self, scores: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the score of networks together, and its derivatives by the scores of each."""
        if self.place is None:
            return _mean(self.members, scores)
        parts = [
            self._log_chances(member, s) for member, s in zip(self.members, scores, strict=True)
        ]
        n = len(parts)
        sizes = np.log([member.weight for member in self.members])[:, None]
        for_it, against = (np.stack([part[k] for part in parts]) + sizes for k in (0, 1))
        value = np.logaddexp.reduce(for_it) - np.logaddexp.reduce(against)
        # the share of each network in the mean probability, and in the mean rest
        shares = [np.exp(one - np.logaddexp.reduce(one)) for one in (for_it, against)]
        back = []
        for k in range(n):
            d_for, d_against = parts[k][2], parts[k][3]
            back.append(shares[0][k][:, None] * d_for - shares[1][k][:, None] * d_against)
        return value, back

    def _log_chances(
        self, member: Member, scores: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Return log p and log(1 - p) of the class, and their derivatives by the scores."""
        estimator = member.estimator
        assert isinstance(estimator, MLPClassifier)
        s = scores / self.temperature
        one_for_two = codec_of(estimator).one_score_for_two
        if one_for_two:  # the score of the second class, against 0
            s = np.concatenate((np.zeros_like(s), s), axis=1)
        own = np.flatnonzero(estimator.classes_ == self.place)
        if len(own) == 0 or s.shape[1] == 1:  # a class that the network has not seen, or its only
            never, ever = np.full(len(s), -np.inf), np.zeros(len(s))
            chances = (ever, never) if len(own) else (never, ever)
            return *chances, 0.0 * scores, 0.0 * scores
        c = int(own[0])
        log_p = s - np.logaddexp.reduce(s, axis=1, keepdims=True)
        p = np.exp(log_p)
        rest = np.delete(log_p, c, axis=1)
        log_rest = np.logaddexp.reduce(rest, axis=1)
        d_for = -p
        d_for[:, c] += 1.0
        d_against = np.exp(log_p - log_rest[:, None])
        d_against[:, c] = 0.0
        d_against -= p
        if one_for_two:
            d_for, d_against = d_for[:, 1:], d_against[:, 1:]
        return log_p[:, c], log_rest, d_for / self.temperature, d_against / self.temperature


def score_for(model: Any, place: int | None) -> Score:
    """Return the score of a model of tables, for a class or for the number it predicts.

    Raises
    ------
    InputError
        If probabilities are neither a softmax nor a sigmoid of the scores.
    """
    if place is None:
        return Score(model.members_, None)
    for member in model.members_:
        loss = member.estimator.objective_.loss
        if loss.link is not softmax and not (
            loss.link is sigmoid and codec_of(member.estimator).one_score_for_two
        ):
            advice = "Fit with a cross-entropy, or explain single networks: model.explain(X, y)."
            raise must_be("loss", "one whose link is softmax or sigmoid", loss.name, advice)
    return Score(model.members_, place, len(model.classes_), model.temperature_)


def _mean(
    members: Sequence[Member], scores: list[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    total = sum(member.weight for member in members)
    values, back = np.zeros(len(scores[0])), []
    for member, s in zip(members, scores, strict=True):
        part = member.weight / total
        loss = member.estimator.objective_.loss
        rows, column = np.arange(len(s)), np.zeros(len(s), dtype=np.intp)
        if isinstance(loss, Quantile) and loss.scores_per_target > 1:  # as `nearest_median`
            middle = int(np.argmin(np.abs(np.array(loss.levels) - 0.5)))
            column = np.argsort(s, axis=1, kind="stable")[:, middle]
        own = s[rows, column]
        xp = namespace(own)
        answer = loss.link.value(xp, own)
        d = np.zeros_like(s)
        d[rows, column] = loss.link.pullback(xp, own, answer, np.full_like(own, part))
        values = values + part * answer
        back.append(d)
    return values, back


def _scores(member: Member, X: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return the scores of one network in float64, and the pullback to its inputs."""
    network, parameters = member.estimator.network_, member.estimator.parameters_
    a, backs = X.astype(np.float64), []
    xp = namespace(a)
    for layer, weight, bias in zip(
        network.layers, parameters.weights, parameters.biases, strict=True
    ):
        own = None if bias is None else np.asarray(bias, np.float64)
        a, back = layer.forward(xp, np.asarray(weight, np.float64), own, a)
        backs.append(back)

    def pullback(dscores: np.ndarray) -> np.ndarray:
        d = dscores
        for back in reversed(backs):
            d, _, _ = back(d, input_too=True)
        return d

    return a, pullback
