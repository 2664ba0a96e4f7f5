"""The public names: exactly those of `__all__`, each with a docstring and an example."""

import doctest
import inspect
import types

import chainrule
from chainrule.foundation.catalogue import Catalogue

CLASSES = [name for name in chainrule.__all__ if inspect.isclass(getattr(chainrule, name))]
FUNCTIONS = [name for name in chainrule.__all__ if inspect.isfunction(getattr(chainrule, name))]


def test_nothing_else_is_public():
    public = {
        name
        for name, value in vars(chainrule).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public == set(chainrule.__all__)
    assert len(chainrule.__all__) == len(set(chainrule.__all__))


def test_kinds_of_public_things():
    catalogues = [n for n in chainrule.__all__ if isinstance(getattr(chainrule, n), Catalogue)]
    assert sorted([*CLASSES, *FUNCTIONS, *catalogues]) == sorted(chainrule.__all__)


def test_docstrings_begin_with_a_sentence():
    offenders = []
    for name in [*CLASSES, *FUNCTIONS]:
        first = inspect.getdoc(getattr(chainrule, name)).split("\n\n")[0]
        if not (first[0].isupper() and first.endswith(".")):
            offenders.append(name)
    assert offenders == []


# Values that come out of others, shown in their examples.
BY_OTHERS = {"Epoch", "TrainingState", "load_state"}


def test_docstrings_have_examples():
    finder = doctest.DocTestFinder(recurse=False)
    offenders = {
        name
        for name in [*CLASSES, *FUNCTIONS]
        if not any(test.examples for test in finder.find(getattr(chainrule, name), name))
    }
    assert offenders - BY_OTHERS == set()


def test_public_methods_have_docstrings():
    """Methods inherited from scikit-learn are left out."""
    offenders = [
        f"{name}.{member}"
        for name in CLASSES
        for member, found in inspect.getmembers(getattr(chainrule, name))
        if not member.startswith("_")
        if inspect.isroutine(found) or isinstance(found, property)
        if getattr(found, "__module__", "chainrule").startswith("chainrule")
        if not inspect.getdoc(found)
    ]
    assert offenders == []


def test_version_is_a_release_number():
    assert all(part.isdigit() for part in chainrule.__version__.split("."))
    assert len(chainrule.__version__.split(".")) == 3
