"""A search for settings: many are tried a little, few in full, and the best answer together.

Sources: K. Jamieson, A. Talwalkar, "Non-stochastic best arm identification and hyperparameter
optimization", AISTATS 2016 (successive halving); Caruana et al., ICML 2004 (the ensemble).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.foundation.errors import DivergenceWarning
from chainrule.foundation.threads import available_threads
from chainrule.foundation.wording import counted
from chainrule.interop.cells import nothing
from chainrule.tables.bags import train
from chainrule.tables.judging import Judge, LossOfAnswers, judge_of, own_loss, some_weight
from chainrule.tables.leaderboard import Trial, words_of
from chainrule.tables.members import Job, Member, Work, choose_epochs, weighted
from chainrule.tables.recipes import recipe_for
from chainrule.tables.selection import greedy_weights
from chainrule.tables.settings_space import (
    Setting,
    drawn_settings,
    leading_settings,
)

__all__ = ["Search", "search"]

# Rounds of halving: on so many folds, with this share of the epochs, go so many of those begun.
ROUNDS = ((1, 1 / 3, 1.0), (2, 2 / 3, 1 / 3), (None, 1.0, 1 / 6))
# Settings drawn where no time limit says how many.
SETTINGS = 24
# Fewer settings are not begun with, nor more at a time.
FEWEST, MOST = 6, 60
# The share of the time left that the recipe may take, and that settings in full are planned for.
PLANNED, PLANNED_IN_FULL = 0.7, 0.9
# A drawn setting takes so many times the seconds of the recipe, measured on diamonds and ames.
COST_OF_DRAWN = 2.2
# Of the settings tried in full, so many may answer.
MOST_ANSWERING = 12


@dataclass
class Contender:
    """A setting in the search, and its networks so far."""

    number: int
    setting: Setting
    members: dict[int, Member] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    epochs: float = 0.0
    seconds: float = 0.0
    done: float = 0.0

    @property
    def seconds_per_fold(self) -> float:
        """The seconds of one thread that all epochs on a fold take."""
        return self.seconds / self.done if self.done else math.inf

    @property
    def loss(self) -> float:
        """The mean over folds of the losses on rows held out."""
        found = [self.losses[fold] for fold in self.members]
        mean = float(np.mean(found)) if found else math.inf
        return mean if math.isfinite(mean) else math.inf

    def trial(self, weight: float = 0.0) -> Trial:
        """Return its row of the leaderboard."""
        of, options = self.setting.encoding, self.setting.options
        count = len(self.members)
        return Trial(of, options, count, self.epochs, self.loss, self.seconds, weight)


@dataclass(frozen=True)
class Search:
    """The result of a search: networks, trials, and whether Ctrl-C ended it."""

    members: list[Member]
    trials: tuple[Trial, ...]
    interrupted: bool


def search(
    work: Work,
    encodings: Sequence[str],
    options: Mapping[str, Any],
    losses: Sequence[str],
    loss: LossOfAnswers,
    answers: Callable[[Member, Any], np.ndarray],
    tell: Callable[[str], None] = nothing,
    say: Callable[[str], None] = nothing,
) -> Search:
    """Try settings by successive halving, and return the networks that answer best together.

    The recipe is tried in full first, so that there is an answer from then on; where a deadline
    (``work.until``) is too near for that, for fewer epochs. Until then halving begins again and
    again; without one it is done once, and the
    result depends on the seed alone. Ctrl-C ends the search with what it has found; before any
    network is trained it is raised.

    Parameters
    ----------
    work : Work
        The table and its folds, each with rows held out.
    encodings : sequence of str
        The encodings of numbers to try, the favourite first.
    options : mapping
        The user's own options, which are not searched.
    losses : sequence of str
        The losses of numbers to try, the favourite first; empty leaves the one in use.
    loss : callable
        The loss of (targets, answers, weight).
    answers : callable
        The answers of (member, frame).
    tell, say : callable
        Receive what is guessed of the columns, and what has been found so far.
    """
    running = _Running(work, encodings, options, losses, tell, say)
    if losses:  # their own values do not compare
        running.judge = judge_of(work, loss, answers)
    interrupted = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)  # of settings that are not kept
        try:
            running.run()
        except KeyboardInterrupt:
            if not any(one.members for one in running.contenders):
                raise
            interrupted = True
            say("interrupted: the best of what was tried is kept")
    chosen, weights = _chosen(work, running.contenders, loss, answers)
    members = weighted([list(one.members.values()) for one in chosen], weights)
    shares = dict(zip((one.number for one in chosen), weights, strict=True))
    trials = [one.trial(float(shares.get(one.number, 0.0))) for one in running.contenders]
    said = ", ".join(
        f"{100 * share:.0f} % {one.setting.encoding} {words_of(one.setting.options)}"
        for one, share in zip(chosen, weights, strict=True)
        if share > 0.0
    )
    say(f"answer: {said}")
    return Search(members, tuple(one for one in trials if one.folds), interrupted)


class _Running:
    """A search in progress.

    Attributes
    ----------
    judge : callable
        The loss of a network by which settings compare.
    """

    def __init__(
        self,
        work: Work,
        encodings: Sequence[str],
        options: Mapping[str, Any],
        losses: Sequence[str],
        tell: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self.work, self.encodings, self.options, self.losses = work, encodings, options, losses
        self.contenders: list[Contender] = []
        self.judge: Judge = own_loss
        self._tell, self._say = tell, say
        self._best = math.inf

    def run(self) -> None:
        began = time.perf_counter()
        recipe, *leading = leading_settings(self.encodings, self.losses, self.options)
        epochs = self._epochs()
        self._train(self._add([recipe]), len(self.work.folds), epochs, begin_late=True)
        # seconds of all cores together for one setting in full
        full = time.perf_counter() - began
        count = self._number(full)
        if count >= FEWEST:
            self._halve(count, leading)
        elif epochs == 1.0 and COST_OF_DRAWN * full < PLANNED_IN_FULL * self._left:
            self._train(self._add(leading), *ROUNDS[0][:2])
        while math.isfinite(self.work.until) and self._number(full) >= FEWEST:
            self._halve(self._number(full))
        self._use_what_is_left()

    @property
    def _left(self) -> float:
        """The seconds until the deadline."""
        return self.work.until - time.perf_counter()

    def _epochs(self) -> float:
        """Return the share of the epochs that the recipe can make on all folds in the time left.

        A cycle of rates that the deadline cuts leaves networks where its rate is high.
        """
        if math.isinf(self.work.until):
            return 1.0
        seconds: list[float] = []
        timed = replace(
            self.work,
            n_threads=1,
            keeping=None,
            callbacks=(lambda epoch: seconds.append(epoch.seconds),),
        )
        train(timed, [Job(0, self.encodings[0], self.options, last=2)])
        if not seconds:  # it diverged at once
            return 1.0
        folds = len(self.work.folds)
        in_turn = math.ceil(folds / min(folds, available_threads(self.work.n_threads)))
        rows = len(self.work.folds[0][0])
        total = recipe_for(rows, self.work.classes, self.options)["max_iter"]
        needed = min(seconds) * total * in_turn
        return float(np.clip(PLANNED * self._left / max(needed, 1e-9), 1.0 / total, 1.0))

    def _number(self, full: float) -> int:
        """Return how many settings to begin with, from the seconds that one in full takes."""
        if math.isinf(self.work.until):
            return SETTINGS
        folds = len(self.work.folds)
        of_one = sum(share * epochs * (n or folds) / folds for n, epochs, share in ROUNDS)
        of_one *= COST_OF_DRAWN
        return int(min(MOST, self._left / max(full * of_one, 1e-9)))

    def _halve(self, count: int, leading: Sequence[Setting] = ()) -> None:
        rows = len(self.work.folds[0][0])
        drawn = drawn_settings(
            count - len(leading),
            self.encodings,
            rows,
            self.work.classes,
            self.options,
            self.work.seed,
            first=len(self.contenders),
            losses=self.losses,
        )
        left = self._add([*leading, *drawn])
        for folds, epochs, share in ROUNDS:
            kept = max(1, round(share * count))
            left = sorted(left, key=lambda one: one.loss)
            if folds is None:
                left = self._affordable(left)
            number = len(self.work.folds) if folds is None else min(folds, len(self.work.folds))
            self._train(left[:kept], number, epochs)

    def _affordable(self, ranked: Sequence[Contender]) -> list[Contender]:
        """Return those that the time left allows to train in full, the first of them first."""
        if math.isinf(self.work.until):
            return list(ranked)
        folds, threads = len(self.work.folds), available_threads(self.work.n_threads)
        left = PLANNED_IN_FULL * self._left * min(folds, threads)
        found = []
        for one in ranked:
            needed = folds * one.seconds_per_fold
            if needed <= left:
                found.append(one)
                left -= needed
        return found

    def _use_what_is_left(self) -> None:
        """Train in full, one after the other, what was tried the longest and did best.

        Then the best setting again, with other seeds: the mean of such networks errs less.
        """
        if math.isinf(self.work.until):
            return
        folds = len(self.work.folds)
        waiting = [one for one in self.contenders if 0 < len(one.members) < folds]
        waiting.sort(key=lambda one: (-len(one.members), one.loss))
        while fitting := self._affordable(waiting)[:1]:
            self._train(fitting, folds, 1.0)
            waiting = waiting[waiting.index(fitting[0]) + 1 :]
        whole = [one for one in self.contenders if len(one.members) == folds]
        best = min(whole, key=lambda one: one.loss, default=None)
        while best is not None and best.epochs == 1.0 and self._affordable([best]):
            self._train(self._add([best.setting]), folds, 1.0)

    def _add(self, settings: Sequence[Setting]) -> list[Contender]:
        first = len(self.contenders)
        added = [Contender(first + number, one) for number, one in enumerate(settings)]
        self.contenders += added
        return added

    def _train(
        self, contenders: list[Contender], folds: int, epochs: float, *, begin_late: bool = False
    ) -> None:
        """Train all contenders on the first folds, in place of their networks of fewer epochs."""
        if not contenders:
            return
        jobs = [
            Job(fold, one.setting.encoding, one.setting.options, epochs, one.number)
            for one in contenders
            for fold in range(folds)
        ]
        of = [one for one in contenders for _ in range(folds)]
        found: dict[int, dict[int, Member]] = {}

        def done(number: int, member: Member) -> None:
            one = of[number]
            one.seconds += member.estimator.fit_seconds_
            one.done += epochs
            if not (member.complete or begin_late):
                return
            own = found.setdefault(one.number, {})
            own[jobs[number].fold] = member
            if len(own) == folds:
                choose_epochs(list(own.values()))
            if len(own) == folds or not one.members or begin_late:
                one.members, one.epochs = dict(sorted(own.items())), epochs
                one.losses = {fold: self.judge(member) for fold, member in own.items()}
            if len(own) == folds and one.loss < self._best and epochs == 1.0:
                self._best = one.loss
                what = f"{one.setting.encoding} {words_of(one.setting.options)}"
                self._say(f"held-out loss {one.loss:.5g}: {what}")

        share = "" if epochs == 1.0 else f" for {100 * epochs:.0f} % of the epochs"
        on = counted(folds, "fold")
        self._say(f"training {counted(len(contenders), 'setting')} on {on}{share}")
        train(self.work, jobs, tell=self._tell, done=done, begin_late=begin_late)
        self._tell = nothing


def _chosen(
    work: Work,
    contenders: list[Contender],
    loss: LossOfAnswers,
    answers: Callable[[Member, Any], np.ndarray],
) -> tuple[list[Contender], np.ndarray]:
    """Return the contenders with networks for most folds and epochs, and their weights."""
    usable = [one for one in contenders if one.members]
    most = max((len(one.members), one.epochs) for one in usable)
    full = [one for one in usable if (len(one.members), one.epochs) == most]
    full = sorted(full, key=lambda one: one.loss)[:MOST_ANSWERING]
    folds = sorted(set.intersection(*(set(one.members) for one in full)))
    if not folds or not math.isfinite(full[0].loss):
        return full[:1], np.ones(1)
    held = [work.held(fold) for fold in folds]
    y = np.concatenate([one.y for one in held])
    weight = None
    if held[0].weight is not None:
        weight = some_weight(np.concatenate([one.weight for one in held if one.weight is not None]))
    found = [
        np.concatenate(
            [answers(one.members[fold], part.frame) for fold, part in zip(folds, held, strict=True)]
        )
        for one in full
        if math.isfinite(one.loss)
    ]
    weights = greedy_weights(found, lambda p: loss(y, p, weight))
    return full[: len(found)], weights
