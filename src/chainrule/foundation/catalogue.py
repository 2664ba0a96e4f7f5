"""A catalogue maps names to records: the one registry behind options, docs, tests and exporters."""

from collections.abc import Iterator
from dataclasses import replace
from textwrap import fill
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from chainrule.foundation.errors import InputError, UnknownNameError, must_be, shown, suggest
from chainrule.foundation.showing import Shown

__all__ = ["Catalogue", "Named"]


class Named(Protocol):
    """Anything with a name and further names it answers to."""

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]]


Record = TypeVar("Record", bound=Named)


class Catalogue(Shown, Generic[Record]):
    """Records of one kind by name and alias, as items and as attributes.

    Iterating gives each record's own name once, in the order in which they were added.

    Parameters
    ----------
    kind : str
        What the records are, as messages call them: ``"activation"``.
    record_type : type
        What every record is an instance of.
    plural : str, optional
        The name of the catalogue in the package; by default the kind with an s.

    Examples
    --------
    >>> from chainrule import activations
    >>> activations["logistic"] is activations.sigmoid
    True
    >>> activations
    activations: linear, sigmoid, tanh, relu, softmax, exponential, leaky_relu, elu, selu, gelu,
      silu, mish, softplus
    >>> activations.get("leaky_relu", negative_slope=0.2)
    LeakyReLU(negative_slope=0.2)
    >>> activations["sigmoyd"]
    Traceback (most recent call last):
    ...
    chainrule.foundation.errors.UnknownNameError: unknown activation 'sigmoyd'. Did you mean ...
    """

    def __init__(self, kind: str, record_type: type = object, plural: str = "") -> None:
        self.kind = kind
        self.plural = plural or f"{kind}s"
        self.record_type = record_type
        self._records: dict[str, Record] = {}
        self._names: dict[str, str] = {}

    def add(self, record: Record) -> Record:
        """Enter a record under its name and aliases, and return it."""
        for name in (record.name, *record.aliases):
            if name in self._names:
                raise InputError(
                    f"{self.kind} name must be new; {name!r} is taken by "
                    f"{self._records[self._names[name]]!r}. Choose another name."
                )
        self._records[record.name] = record
        self._names.update(dict.fromkeys((record.name, *record.aliases), record.name))
        return record

    def remove(self, name: str) -> None:
        """Take a record and its aliases out again."""
        record = self._records.pop(self[name].name)
        for known in (record.name, *record.aliases):
            del self._names[known]

    def __getitem__(self, name: str) -> Record:
        if not isinstance(name, str) or name not in self._names:
            hint = suggest(str(name), list(self._names))
            message = f"unknown {self.kind} {shown(name)}. {hint} Known: {', '.join(self)}."
            raise UnknownNameError(message.replace("  ", " "))
        return self._records[self._names[name]]

    def get(self, choice: str | Record, **parameters: Any) -> Record:
        """Return the record of a name, with parameters changed; a record stands for itself."""
        record = self[choice] if isinstance(choice, str) else choice
        fits = isinstance(record, self.record_type) and hasattr(record, "name")
        if not fits or isinstance(record, type):
            raise must_be(self.kind, f"a name or a record of the {self.kind} catalogue", choice)
        return replace(record, **parameters) if parameters else record  # type: ignore[type-var]

    def __getattr__(self, name: str) -> Record:
        if name.startswith("_"):  # a copy in the making has no records yet
            raise AttributeError(name)
        if name not in self._names:
            hint = suggest(name, list(self._names))
            raise AttributeError(f"no {self.kind} is named {name!r}. {hint}".rstrip())
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._names]

    def __str__(self) -> str:
        return fill(f"{self.plural}: {', '.join(self)}", 96, subsequent_indent="  ")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
