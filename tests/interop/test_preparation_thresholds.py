"""What becomes of a column on both sides of each number that decides it."""

import polars as pl
import pytest

from chainrule.interop.preparation import Preparation


def kind(cells: list[object], name: str = "x") -> str:
    frame = pl.DataFrame({name: cells, "other": [n * n for n in range(len(cells))]}, strict=False)
    return {column: kind for column, kind, _ in Preparation.fit(frame).describe()}[name]


def levels(counts: list[int]) -> int:
    """Return how many levels of these sizes have a slot of their own."""
    cells = [f"level {number:03}" for number, count in enumerate(counts) for _ in range(count)]
    preparation = Preparation.fit(pl.DataFrame({"x": cells}))
    return sum(name.startswith("x=") for name in preparation.feature_names)


@pytest.mark.parametrize(
    ("readable", "what"), [("3", "number"), ("2024-05-31", "date")], ids=["numbers", "dates"]
)
def test_99_per_cent_that_can_be_read_decide(readable: str, what: str) -> None:
    other = "7" if what == "number" else "2023-05-31"
    assert kind([readable] * 98 + [other, "odd"]) == what
    assert kind([readable] * 96 + [other, "odd"]) == "category"
    # missing cells are no side
    assert kind([readable] * 98 + [other, "odd", None, "?", "NA"]) == what


def test_a_hundred_levels_are_kept_and_the_others_share_a_slot() -> None:
    told: list[str] = []
    assert levels([5] * 100) == 100
    assert levels([5] * 101) == 100
    cells = [f"level {number:03}" for number in range(101) for _ in range(5)]
    Preparation.fit(pl.DataFrame({"x": cells}), tell=told.append)
    (sentence,) = told
    assert sentence == (
        "column 'x' has 101 categories: the 100 most frequent are kept, the others (5 rows) share "
        "one slot"
    )


@pytest.mark.parametrize(
    ("rows", "least"),
    [(50, 2), (2999, 2), (3000, 3), (5000, 5), (9999, 9), (10_000, 10), (40_000, 10)],
)
def test_a_level_is_kept_from_a_thousandth_of_the_rows_on_but_2_to_10(
    rows: int, least: int
) -> None:
    assert levels([rows - least, least]) == 2
    assert levels([rows - least + 1, least - 1]) == 1


def test_levels_that_repeat_in_a_tenth_of_the_cells() -> None:
    def of(repeated: int) -> str:
        return kind(["often"] * repeated + [f"once {number}" for number in range(100 - repeated)])

    assert of(9) == "dropped"
    assert of(10) == "category"


def test_whole_numbers_in_three_rows_number_the_rows() -> None:
    assert kind([5, 9], "id") == "number"
    assert kind([5, 9, 7], "id") == "dropped"
    assert kind([5, 9, 7], "size") == "number"
    assert kind([5, 9, 9], "id") == "number"


def test_no_number_leaves_minus_3_to_3() -> None:
    preparation = Preparation.fit(pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0]}))
    near, far = preparation.transform(pl.DataFrame({"x": [2.51, 1e9]}))[:, 0]
    spread = (3.25 - 1.75) / 1.3489795003921634
    assert near == pytest.approx(0.01 / spread, rel=1e-3)
    assert far == pytest.approx(3.0, rel=1e-6)


@pytest.mark.parametrize(("last", "what"), [(199, "dropped"), (200, "number")])
def test_numbers_that_fill_half_of_their_range_number_the_rows(last: int, what: str) -> None:
    """A hundred different whole numbers, whose range is up to twice as wide."""
    cells = [*range(99), last]
    assert kind([cells[(37 * row) % 100] for row in range(100)], "amount") == what


@pytest.mark.parametrize(("largest", "what"), [(2**53, "number"), (2**53 + 1, "category")])
def test_whole_numbers_beyond_2_to_53_are_no_numbers(largest: int, what: str) -> None:
    assert kind([largest] * 20 + [5] * 20, "amount") == what


@pytest.mark.parametrize(("unknown", "told"), [(30, False), (31, True)])
def test_categories_that_share_a_slot_are_told_from_three_times_as_many_on(
    unknown: int, told: bool
) -> None:
    """A tenth of the cells shared a slot at training."""
    rare = [f"rare {number}" for number in range(10)]
    preparation = Preparation.fit(pl.DataFrame({"x": ["usual"] * 90 + rare, "y": range(100)}))
    notes: list[str] = []
    table = pl.DataFrame({"x": ["new"] * unknown + ["usual"] * (100 - unknown), "y": range(100)})
    preparation.transform(table, tell=notes.append)
    assert any("of categories not kept at training" in note for note in notes) == told


@pytest.mark.parametrize(("rows", "what"), [(19, "number"), (20, "dropped")])
def test_twenty_whole_numbers_can_number_the_rows(rows: int, what: str) -> None:
    assert kind(list(range(rows))) == what
