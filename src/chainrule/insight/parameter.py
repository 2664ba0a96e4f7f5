"""A single parameter, with every place in the network where it acts."""

from dataclasses import dataclass
from functools import cached_property

from chainrule.insight.notation import Symbol
from chainrule.insight.place import Place, place_at
from chainrule.insight.sharing import SharedArray
from chainrule.insight.subject import Subject

__all__ = ["Parameter", "Term", "parameter_at", "parameter_numbered"]


@dataclass(frozen=True)
class Term:
    """One place where a parameter acts.

    Attributes
    ----------
    place : Place
        The place.
    factor : float
        The derivative of the number at this place by the parameter.
    formula : str
        The factor as LaTeX; empty where it is 1 because nothing is folded into the layer.
    inputs : tuple of (str, float)
        The numbers of the formula.
    """

    place: Place
    factor: float = 1.0
    formula: str = ""
    inputs: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Parameter:
    """One weight or bias, which a shared layer has in several places.

    Attributes
    ----------
    symbol : Symbol
        Its name; a shared one names all its layers.
    value : float
        Its number.
    terms : tuple of Term
        Its places.
    indices : tuple of int
        The numbers of these places in the flat vector.
    """

    symbol: Symbol
    value: float
    terms: tuple[Term, ...]
    indices: tuple[int, ...]

    @property
    def index(self) -> int:
        """The index of its first place in the flat vector, which holds the optimizer's memory."""
        return self.indices[0]

    @property
    def shared(self) -> bool:
        """True if it acts in more than one place."""
        return len(self.terms) > 1

    @cached_property
    def layers(self) -> tuple[int, ...]:
        """The layers that it acts in, from 1."""
        return tuple(dict.fromkeys(term.place.layer for term in self.terms))


def parameter_at(subject: Subject, place: Place) -> Parameter:
    """Return the parameter that acts at a place; refuse a place that is not there.

    Examples
    --------
    >>> from chainrule import Network, Objective
    >>> network = Network.of_widths([2, 3, 1], "sigmoid")
    >>> subject = Subject.of(Objective(network, "mse"), network.start(0), [[1.0, 1.0]], [0.0])
    >>> found = parameter_at(subject, Place(layer=2, unit=1, to=0))
    >>> found.symbol.text, found.indices, found.shared
    ('w2[2,1]', (10,), False)
    """
    index = place.index(subject)
    kind = "bias" if place.unit is None else "weight"
    for array in subject.shared:
        if array.kind == kind and place.layer in array.layers:
            return _shared(subject, array, place)
    return Parameter(place.symbol, float(subject.vector[index]), (Term(place),), (index,))


def parameter_numbered(subject: Subject, index: int) -> Parameter:
    """Return the parameter that acts at a number of the flat vector."""
    return parameter_at(subject, place_at(subject, index))


def _shared(subject: Subject, array: SharedArray, place: Place) -> Parameter:
    unit, to = place.unit, place.to
    terms = []
    for use in array.uses:
        here = Place(use.layer, unit, to)
        after = float(use.after[to])
        if unit is None:
            formula = "" if after == 1.0 else "r"
            terms.append(Term(here, after, formula, (("r", after),)))
            continue
        scale, shift = float(use.scale[unit]), float(use.shift[unit])
        formula = "" if scale * after == 1.0 else "s r"
        terms.append(Term(here, scale * after, formula, (("s", scale), ("r", after))))
        if shift != 0.0:
            inputs = (("t", shift), ("r", after))
            terms.append(Term(Place(use.layer, None, to), shift * after, "t r", inputs))
    letter, indices = ("b", (to + 1,)) if unit is None else ("w", (unit + 1, to + 1))
    value = array.values[to] if unit is None else array.values[unit, to]
    places = tuple(term.place.index(subject) for term in terms)
    return Parameter(Symbol(letter, array.layers, indices), float(value), tuple(terms), places)
