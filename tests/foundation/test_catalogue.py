"""The catalogue: names, aliases, suggestions, and records that come and go."""

import copy
import pickle
from dataclasses import dataclass
from typing import ClassVar

import pytest

from chainrule import activations, initializers, losses, optimizers, schedules
from chainrule.foundation.catalogue import Catalogue
from chainrule.foundation.errors import InputError, UnknownNameError


@dataclass(frozen=True)
class Fruit:
    name: ClassVar[str] = "apple"
    aliases: ClassVar[tuple[str, ...]] = ("malus",)
    weight: float = 1.0


@dataclass(frozen=True)
class Pear(Fruit):
    name: ClassVar[str] = "pear"
    aliases: ClassVar[tuple[str, ...]] = ("pyrus",)


@pytest.fixture
def fruits():
    catalogue = Catalogue("fruit")
    catalogue.add(Fruit())
    catalogue.add(Pear())
    return catalogue


def test_items_attributes_and_aliases(fruits):
    assert fruits["malus"] is fruits.apple is fruits["apple"]
    assert list(fruits) == ["apple", "pear"]
    assert len(fruits) == 2
    assert "pyrus" in fruits
    assert "plum" not in fruits
    assert 3 not in fruits


def test_get_changes_parameters_of_a_copy(fruits):
    heavy = fruits.get("pear", weight=2.0)
    assert heavy == Pear(weight=2.0)
    assert fruits.pear == Pear()
    assert fruits.get(heavy) is heavy
    assert fruits.get(heavy, weight=3.0) == Pear(weight=3.0)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("appel", "Did you mean 'apple'? "),
        ("PEAR", "Did you mean 'pear'? "),
        ("Pyrus", "Did you mean 'pyrus'? "),
        ("xyz", ""),
    ],
)
def test_unknown_name_gives_the_closest_and_the_list(fruits, name, hint):
    with pytest.raises(UnknownNameError) as caught:
        fruits[name]
    assert str(caught.value) == f"unknown fruit '{name}'. {hint}Known: apple, pear."


def test_unknown_name_is_both_a_value_error_and_a_key_error(fruits):
    assert issubclass(UnknownNameError, ValueError)
    assert issubclass(UnknownNameError, KeyError)
    assert issubclass(UnknownNameError, InputError)
    for choice in (3, None, ["apple"]):
        with pytest.raises(UnknownNameError, match="unknown fruit"):
            fruits[choice]


def test_unknown_attribute_is_an_attribute_error(fruits):
    with pytest.raises(AttributeError, match=r"no fruit is named 'aple'. Did you mean 'apple'"):
        fruits.aple  # noqa: B018
    assert not hasattr(fruits, "_anything")


def test_get_accepts_only_records(fruits):
    with pytest.raises(
        InputError, match=r"fruit must be a name or a record of the fruit cat.*; go"
    ):
        fruits.get(3.5)


def test_taken_names_are_refused_and_nothing_is_added(fruits):
    @dataclass(frozen=True)
    class Plum(Fruit):
        name: ClassVar[str] = "plum"
        aliases: ClassVar[tuple[str, ...]] = ("malus",)

    with pytest.raises(InputError, match="fruit name must be new; 'malus' is taken by Fruit"):
        fruits.add(Plum())
    assert "plum" not in fruits
    assert len(fruits) == 2


def test_remove_takes_the_aliases_along(fruits):
    fruits.remove("pyrus")
    assert list(fruits) == ["apple"]
    assert "pear" not in fruits
    assert "pyrus" not in fruits
    fruits.add(Pear())
    assert fruits.pyrus == Pear()


def test_catalogues_copy_and_pickle(fruits):
    assert copy.deepcopy(losses).mse == losses.mse
    assert pickle.loads(pickle.dumps(activations)).relu == activations.relu
    copied = copy.deepcopy(fruits)
    copied.remove("pear")
    assert "pear" in fruits


@pytest.mark.parametrize("catalogue", [activations, initializers, losses, optimizers, schedules])
def test_records_of_another_catalogue_are_refused_and_so_are_classes(catalogue):
    own = catalogue[next(iter(catalogue))]
    foreign = schedules.constant if catalogue is not schedules else losses.mse
    assert catalogue.get(own) is own
    for wrong in (foreign, type(own), None, 3, 0.1):
        with pytest.raises(InputError, match=f"{catalogue.kind} must be a name or a record of the"):
            catalogue.get(wrong)
