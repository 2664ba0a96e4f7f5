"""The losses of regression and counts: a squared, absolute or other distance from the target."""

import math
from dataclasses import dataclass
from itertools import pairwise

from chainrule.formulas.activations import exponential, linear
from chainrule.formulas.loss import Loss, losses
from chainrule.formulas.target_scale import Relative
from chainrule.foundation.arrays import Array, Namespace, as_floating, as_like, namespace
from chainrule.foundation.errors import InputError, must_be


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    r"""Squared difference, without a factor 1/2; its best constant answer is the mean.

    {formula}

    Examples
    --------
    >>> float(mse([1.0, 2.0], [1.0, 4.0]))
    2.0
    """

    name = "mse"
    aliases = ("squared_error", "mean_squared_error")
    latex = r"(p - y)^2"
    gradient_latex = r"2 (s - y)"
    link = linear
    source = "Legendre (1805), Nouvelles méthodes, appendix"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        return (s - y) * (s - y)

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return 2.0 * (s - y)

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        return self.value(xp, p, y)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale * scale


mse = losses.add(MeanSquaredError())


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    r"""Absolute difference; its best constant answer is the median.

    {formula}

    The gradient at y = s is 0.

    Examples
    --------
    >>> float(mae([1.0, 2.0], [1.0, 4.0]))
    1.0
    """

    name = "mae"
    aliases = ("absolute_error", "mean_absolute_error")
    latex = r"|p - y|"
    gradient_latex = r"\operatorname{sign}(s - y)"
    link = linear
    kinked = True
    source = "Laplace (1774), Mémoire sur la probabilité des causes"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.abs(s - y)

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.sign(s - y)

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        return self.value(xp, p, y)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale


mae = losses.add(MeanAbsoluteError())


@dataclass(frozen=True)
class Huber(Loss):
    r"""Half the squared difference up to ``delta``, a straight line beyond.

    {formula}

    Parameters
    ----------
    delta : float, default=1.0
        Distance, in units of y, where the square gives way to the line.

    Examples
    --------
    >>> huber([0.0, 0.0], [1.0, 10.0], reduction="none")
    array([0.5, 9.5])
    """

    name = "huber"
    latex = (
        r"\begin{cases} \frac{(p - y)^2}{2} & |p - y| \leq <delta> "
        r"\\ <delta> (|p - y| - \frac{<delta>}{2}) & |p - y| > <delta> \end{cases}"
    )
    gradient_latex = (
        r"\begin{cases} s - y & |s - y| \leq <delta> "
        r"\\ <delta> \operatorname{sign}(s - y) & |s - y| > <delta> \end{cases}"
    )
    link = linear
    source = "Huber (1964), Annals of Mathematical Statistics 35(1)"

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 < self.delta < math.inf):
            raise must_be("delta", "positive and finite", self.delta)

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        distance = xp.abs(s - y)
        inside = xp.minimum(distance, self.delta)
        return inside * (distance - 0.5 * inside)

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.maximum(xp.minimum(s - y, self.delta), -self.delta)

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        return self.value(xp, p, y)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        loss = _with_slopes_near_1(self.delta / scale)
        return loss, scale * (self.delta if isinstance(loss, SmoothL1) else scale)


huber = losses.add(Huber())


@dataclass(frozen=True)
class SmoothL1(Huber):
    r"""The absolute difference, rounded within ``delta``: Huber's loss, divided by ``delta``.

    {formula}

    Parameters
    ----------
    delta : float, default=1.0
        Distance, in units of y, where the square gives way to the line.

    Examples
    --------
    >>> smooth_l1([0.0, 0.0], [1.0, 10.0], reduction="none")
    array([0.5, 9.5])
    """

    name = "smooth_l1"
    latex = (
        r"\begin{cases} \frac{(p - y)^2}{2 (<delta>)} & |p - y| \leq <delta> "
        r"\\ |p - y| - \frac{<delta>}{2} & |p - y| > <delta> \end{cases}"
    )
    gradient_latex = (
        r"\begin{cases} \frac{s - y}{<delta>} & |s - y| \leq <delta> "
        r"\\ \operatorname{sign}(s - y) & |s - y| > <delta> \end{cases}"
    )
    source = "Girshick (2015), ICCV, eq. 3"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        distance = xp.abs(s - y)
        inside = xp.minimum(distance, self.delta)
        return (inside / self.delta) * (distance - 0.5 * inside)

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return super().gradient(xp, s, y) / self.delta

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        loss = _with_slopes_near_1(self.delta / scale)
        return loss, scale * (1.0 if isinstance(loss, SmoothL1) else scale / self.delta)


smooth_l1 = losses.add(SmoothL1())


# A delta below this share of the errors is a corner, and one above its inverse is out of reach.
CORNER = 1e-30


def _with_slopes_near_1(delta: float) -> Huber:
    """Return Huber's loss or that divided by ``delta``: the one with slopes near 1 at errors of 1.

    Small slopes would be outweighed by penalties, tolerances and epsilons.
    """
    return SmoothL1(max(delta, CORNER)) if delta < 1.0 else Huber(min(delta, 1.0 / CORNER))


@dataclass(frozen=True)
class Quantile(Loss):
    r"""The pinball loss; its best constant answer is the q-quantile.

    {formula}

    Several levels are answered by one network with a score for each: ``Quantile((0.1, 0.5, 0.9))``
    takes one column of targets and three of scores.

    Parameters
    ----------
    q : float or sequence of float, default=0.5
        The level, between 0 and 1, both excluded; several in increasing order.

    Examples
    --------
    >>> quantile([0.0, 0.0], [1.0, -1.0], reduction="none")
    array([0.5, 0.5])
    >>> losses.get("quantile", q=(0.1, 0.9))([[0.0, 0.0]], [1.0], reduction="none")
    array([[0.1, 0.9]])
    """

    name = "quantile"
    aliases = ("pinball",)
    latex = r"\max(<q> (y - p), (<q> - 1) (y - p))"
    gradient_latex = r"\begin{cases} -<q> & s < y \\ 0 & s = y \\ 1 - <q> & s > y \end{cases}"
    link = linear
    kinked = True
    source = "Koenker & Bassett (1978), Econometrica 46(1)"

    q: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.q, float | int):
            object.__setattr__(self, "q", tuple(map(float, self.q)))
        levels = self.levels
        if not levels or not all(0.0 < level < 1.0 for level in levels):
            raise must_be("q", "between 0 and 1, both excluded", self.q)
        if any(high <= low for low, high in pairwise(levels)):
            raise must_be("q", "in increasing order, each level once", self.q)

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels, one per score."""
        return self.q if isinstance(self.q, tuple) else (self.q,)

    @property
    def scores_per_target(self) -> int:
        """One score per level."""
        return len(self.levels)

    def of_column(self, column: int) -> "Quantile":
        """Return the loss of one level."""
        return Quantile(self.q[column]) if isinstance(self.q, tuple) else self

    def _level(self, xp: Namespace, s: Array) -> Array | float:
        return xp.per_column(self.q, s) if isinstance(self.q, tuple) else self.q

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        q = self._level(xp, s)
        return xp.maximum(q * (y - s), (q - 1.0) * (y - s))

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        side = xp.sign(s - y)
        return 0.5 * side * (1.0 + side * (1.0 - 2.0 * self._level(xp, s)))

    def encode(self, y: Array, n_outputs: int, like: Array, name: str = "y") -> Array:
        if not isinstance(self.q, tuple):
            return super().encode(y, n_outputs, like, name)
        if n_outputs != len(self.q):
            raise InputError(
                f"a network for the quantiles {self.q} must have one output for each; it has "
                f"{n_outputs}. Change its last layer."
            )
        column = super().encode(y, 1, like, name)
        xp = namespace(like)
        return xp.concat([column] * n_outputs, axis=1)

    def _prediction_target(self, xp: Namespace, p: Array, y: Array) -> Array:
        y = as_like(as_floating(y), p, p.dtype)
        if (
            isinstance(self.q, tuple)
            and p.ndim == 2
            and y.shape in ((p.shape[0],), (p.shape[0], 1))
        ):
            y = xp.concat([xp.reshape(y, (-1, 1))] * p.shape[1], axis=1)
        return super()._prediction_target(xp, p, y)

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        return self.value(xp, p, y)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale


quantile = losses.add(Quantile())


@dataclass(frozen=True)
class Poisson(Loss):
    r"""Half the Poisson deviance of counts y >= 0 under the mean p = exp(s).

    {formula}

    It is 0 where p = y, and infinite where p = 0 and y > 0.

    Examples
    --------
    >>> poisson([1.0, 2.0], [1.0, 0.0], reduction="none")
    array([0., 2.])
    """

    name = "poisson"
    latex = r"p - y + y \log(\frac{y}{p})"
    gradient_latex = r"e^{s} - y"
    prediction_gradient_latex = r"1 - \frac{y}{p}"
    short_gradient_latex = r"p - y"
    link = exponential
    domain = (0.0, math.inf)
    target_scale = Relative
    source = "McCullagh & Nelder (1989), Generalized Linear Models, section 2.3.3"

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        # t = log(p / y): near p = y, y (e^t - 1 - t) keeps all digits; exp(800) is infinite anyway
        present = y > 0.0
        t = xp.minimum(s - xp.log(xp.where(present, y, 1.0)), 800.0)
        near = y * (xp.expm1(xp.minimum(t, 1.0)) - t)
        far = xp.exp(s) - y * (1.0 + t)
        return xp.where(present, xp.where(t < 1.0, near, far), xp.exp(s))

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.exp(s) - y

    def on_prediction(self, xp: Namespace, p: Array, y: Array) -> Array:
        # near p = y the terms cancel; log1p of the relative difference keeps all digits
        present = y > 0.0
        counts, mean = xp.where(present, y, 1.0), xp.where(present, p, 1.0)
        d = xp.minimum(mean - counts, counts) / counts
        near = counts * (d - xp.log1p(xp.maximum(d, -0.5)))
        # a quotient of the two could overflow
        far = mean - counts + counts * (xp.log(counts) - xp.log(mean))
        return xp.where(present, xp.where((d > -0.5) & (d < 1.0), near, far), p)

    def prediction_gradient(self, xp: Namespace, p: Array, y: Array) -> Array:
        return 1.0 - xp.where(y > 0.0, y / p, 0.0)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale


poisson = losses.add(Poisson())
