"""The public names: exactly those of `__all__`, each with a docstring and an example."""

import doctest
import inspect
import types

import pytest

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


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_has_a_docstring_that_begins_with_a_sentence(name):
    text = inspect.getdoc(getattr(chainrule, name))
    first = text.split("\n\n")[0]
    assert first[0].isupper()
    assert first.endswith(".")


# Values that come out of others, shown in their examples.
BY_OTHERS = {"Epoch", "TrainingState", "load_state"}


@pytest.mark.parametrize("name", sorted({*CLASSES, *FUNCTIONS} - BY_OTHERS))
def test_has_an_example(name):
    value = getattr(chainrule, name)
    tests = doctest.DocTestFinder(recurse=False).find(value, name)
    assert any(test.examples for test in tests)


@pytest.mark.parametrize("name", CLASSES)
def test_public_methods_have_docstrings(name):
    value = getattr(chainrule, name)
    for member, found in inspect.getmembers(value):
        if member.startswith("_") or not (inspect.isroutine(found) or isinstance(found, property)):
            continue
        if not getattr(found, "__module__", "chainrule").startswith("chainrule"):
            continue  # inherited from scikit-learn
        assert inspect.getdoc(found), f"{name}.{member}"


def test_version_is_a_release_number():
    assert all(part.isdigit() for part in chainrule.__version__.split("."))
    assert len(chainrule.__version__.split(".")) == 3
