"""The losses of regression and counts: a squared, absolute or other distance from the target."""

import math
from dataclasses import dataclass, replace

from chainrule.formulas.activations import exponential, linear
from chainrule.formulas.loss import Loss, losses
from chainrule.foundation.arrays import Array, Namespace
from chainrule.foundation.errors import must_be


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
        return replace(self, delta=self.delta / scale), scale * scale


huber = losses.add(Huber())


@dataclass(frozen=True)
class Quantile(Loss):
    r"""The pinball loss; its best constant answer is the q-quantile.

    {formula}

    Parameters
    ----------
    q : float, default=0.5
        The quantile, between 0 and 1, both excluded.

    Examples
    --------
    >>> quantile([0.0, 0.0], [1.0, -1.0], reduction="none")
    array([0.5, 0.5])
    """

    name = "quantile"
    aliases = ("pinball",)
    latex = r"\max(<q> (y - p), (<q> - 1) (y - p))"
    gradient_latex = r"\begin{cases} -<q> & s < y \\ 0 & s = y \\ 1 - <q> & s > y \end{cases}"
    link = linear
    kinked = True
    source = "Koenker & Bassett (1978), Econometrica 46(1)"

    q: float = 0.5

    def __post_init__(self) -> None:
        if not (0.0 < self.q < 1.0):
            raise must_be("q", "between 0 and 1, both excluded", self.q)

    def value(self, xp: Namespace, s: Array, y: Array) -> Array:
        return xp.maximum(self.q * (y - s), (self.q - 1.0) * (y - s))

    def gradient(self, xp: Namespace, s: Array, y: Array) -> Array:
        side = xp.sign(s - y)
        return 0.5 * side * (1.0 + side * (1.0 - 2.0 * self.q))

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
        counts = xp.where(present, y, 1.0)
        d = (p - counts) / counts
        near = counts * (d - xp.log1p(d))
        far = p - y + counts * xp.log(counts / p)
        return xp.where(present, xp.where(d < 1.0, near, far), p)

    def prediction_gradient(self, xp: Namespace, p: Array, y: Array) -> Array:
        return 1.0 - xp.where(y > 0.0, y / p, 0.0)


poisson = losses.add(Poisson())
