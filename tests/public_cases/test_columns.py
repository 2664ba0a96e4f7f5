"""What columns are taken for, by the number of the case."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from chainrule.app.record_flags import choices_of
from chainrule.app.remarks import tell_of_target
from chainrule.app.settings import Settings
from chainrule.app.targets import decide_task, encode_target, with_target
from chainrule.foundation.errors import InputError
from chainrule.interop.choosing import Choices
from chainrule.interop.preparation import Preparation

N = 120
_random = np.random.default_rng(3)
A = np.round(_random.uniform(1, 9, N), 2)
NOISE = _random.normal(size=N)
U = np.repeat(["u", "v"], N // 2)


def learnt(cells, name="a", **options):
    """Return preparation and notes of a table of these cells and another column."""
    told: list[str] = []
    frame = pl.DataFrame({name: cells, "b": NOISE[: len(cells)]}, strict=False)
    return Preparation.fit(frame, tell=told.append, **options), told


def kind(cells, name="a", **options):
    preparation, _ = learnt(cells, name, **options)
    return {column: (kind, how) for column, kind, how in preparation.describe()}[name]


def same_as_numbers(texts, numbers=A):
    """Compare the inputs made of texts with those of the numbers they stand for."""
    preparation, told = learnt(texts)
    plain, _ = learnt(numbers)
    frames = [pl.DataFrame({"a": cells, "b": NOISE}) for cells in (texts, numbers)]
    np.testing.assert_array_equal(preparation.transform(frames[0]), plain.transform(frames[1]))
    again = Preparation.from_dict(preparation.to_dict())
    assert again == preparation
    return told


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda a: f"${a}", ""),
        (lambda a: f"{a} €", ""),
        (lambda a: f"{a}%", ""),
        (lambda a: f"{a} kg", "the unit 'kg'"),
        (lambda a: f"{a}kg", "the unit 'kg'"),
        (lambda a: f"{a}".replace(".", ","), "decimal commas"),
        (lambda a: f"{a} km".replace(".", ","), "decimal commas and the unit 'km'"),
    ],
    ids=["dollar", "euro", "percent", "unit", "unit without a space", "comma", "both"],
)
def test_d28_numbers_as_people_write_them(write, words):
    told = same_as_numbers([write(a) for a in A])
    assert told == ([f"column 'a' is read as numbers with {words}"] if words else [])


@pytest.mark.parametrize(
    "write",
    [
        lambda n: f"{n:,}",
        lambda n: f"{n:,}".replace(",", "\u202f"),
        lambda n: f"{n:,}".replace(",", " "),
        lambda n: f"{n:,}".replace(",", "'"),
        lambda n: f"{n:,}.00",
        lambda n: f"{n:,}".replace(",", ".") + ",00",
    ],
    ids=["comma", "narrow space", "space", "apostrophe", "decimals", "dots"],
)
def test_d28_thousands(write):
    numbers = (A * 1e6).round().astype(int) + 500
    same_as_numbers([write(n) for n in numbers], numbers)


def test_d28_negatives():
    numbers = A * np.where(np.arange(N) % 2, 1, -1)
    same_as_numbers([f"({-n:.2f})" if n < 0 else f"{n:.2f}" for n in numbers], numbers)
    same_as_numbers([f"{n:.2f}".replace("-", "\u2212") for n in numbers], numbers)
    same_as_numbers([f"{-n:.2f}-" if n < 0 else f"{n:.2f}" for n in numbers], numbers)
    same_as_numbers([f"{-n:.2f}- USD" if n < 0 else f"{n:.2f} USD" for n in numbers], numbers)


def test_thousands_of_india():
    numbers = np.arange(N) * 40_000 + 123
    written = [re.sub(r"(?<=\d)(?=(\d\d)*\d{3}$)", ",", str(n)) for n in numbers]
    assert written[-1] == "47,60,123"
    same_as_numbers(written, numbers)


def test_one_row_is_read_as_its_table_was():
    preparation, _ = learnt([f"{a:.3f}".replace(".", ",") for a in A])
    plain, _ = learnt(np.round(A, 3))
    one = pl.DataFrame({"a": ["1,690"], "b": [0.0]})
    same = pl.DataFrame({"a": [1.69], "b": [0.0]})
    np.testing.assert_array_equal(preparation.transform(one), plain.transform(same))


@pytest.mark.parametrize("odd", ["n.d.", "<1", "ca. 3", "typo", "Total"])
@pytest.mark.parametrize("rows", [30, 70, 120])
def test_d29_one_odd_cell(odd, rows):
    cells = [f"{a}" for a in A[:rows]]
    cells[5] = odd
    preparation, told = learnt(cells)
    assert preparation.feature_names == ("a", "a missing", "b")
    assert told == ["column 'a' is read as numbers; 1 cell with other text taken as missing"]


@pytest.mark.parametrize(("share", "what"), [(0.2, "number"), (0.22, "dropped")])
def test_d30_odd_cells_up_to_a_fifth(share, what):
    cells = [f"{a}" for a in np.arange(100) * 1.5]
    for n in range(round(share * 100)):
        cells[n] = f"<{n}"
    assert kind(cells)[0] == what


@pytest.mark.parametrize("numbers", [19, 20])
def test_d30_few_different_numbers_stay_categories(numbers):
    cells = [str(n % numbers) for n in range(100)] + ["low"] * 5
    assert kind(cells)[0] == ("number" if numbers == 20 else "category")


def test_d30_words_of_spreadsheets_are_missing():
    cells = [f"{a}" for a in A]
    cells[::25] = ["#DIV/0!"] * len(cells[::25])
    preparation, told = learnt(cells)
    assert preparation.feature_names == ("a", "a missing", "b")
    assert told == []


@pytest.mark.parametrize("write", ["${}", "{} €", "{},50", "1.{},0"])
def test_d32_d33_prices_are_numbers_to_predict(write):
    series = pl.Series("y", [write.format(195 + n % 6) for n in range(N)])
    task, reason = decide_task(series)
    assert (task, "currency" in reason) == ("regression", True)
    y = encode_target(series, task)
    assert len(np.unique(y)) == 6


@pytest.mark.parametrize("word", ["?", "NA", None, "#N/A"])
def test_d34_a_word_for_missing_is_no_class(word):
    cells = U.tolist()
    cells[::15] = [word] * len(cells[::15])
    told: list[str] = []
    frame = with_target(pl.DataFrame({"a": A, "y": cells}), "y", told.append)
    assert frame["y"].unique().sort().to_list() == ["u", "v"]
    assert told == [
        (
            "left out 8 rows whose target 'y' is missing, the first is row 1; rows are counted "
            "without them, and --missing-target error refuses them"
        )
    ]


DAYS = [date(2021 + n % 3, 1 + n % 12, 1 + n % 28) for n in range(N)]


@pytest.mark.parametrize(
    ("how", "clock"),
    [
        ("%d/%m/%Y", ""),
        ("%m/%d/%Y", " 17:05"),
        ("%d.%m.%Y", ""),
        ("%d %b %Y", ""),
        ("%B %d, %Y", ""),
        ("%d-%b-%Y", " 17:05:09"),
        ("%Y%m%d", ""),
    ],
)
def test_d35_d38_dates_in_the_common_orders(how, clock):
    preparation, told = learnt([day.strftime(how) + clock for day in DAYS])
    plain, _ = learnt([f"{day}{clock}" for day in DAYS])
    frames = [
        pl.DataFrame({"a": [text(day) for day in DAYS], "b": NOISE})
        for text in (lambda day: day.strftime(how) + clock, lambda day: f"{day}{clock}")
    ]
    np.testing.assert_array_equal(preparation.transform(frames[0]), plain.transform(frames[1]))
    assert len(told) == 1
    assert "is read as dates of the format %" in told[0]
    assert Preparation.from_dict(preparation.to_dict()) == preparation


def test_d35_an_ambiguous_order_of_days_must_be_declared():
    cells = [f"{1 + n % 12:02}/{1 + n % 7:02}/2024" for n in range(N)]
    assert kind(cells) == (
        "dropped",
        "dates that may begin with the day or with the month; --date-format says which",
    )
    choices = choices_of(date_format=["a=%d/%m/%Y"])
    assert kind(cells, choices=choices)[0] == "date"


def test_d38_compact_dates_months_and_times():
    days = [int(day.strftime("%Y%m%d")) for day in DAYS]
    assert kind(days)[0] == "date"
    assert kind([day.strftime("%Y-%m") for day in DAYS])[0] == "date"
    assert kind([f"{n % 24:02}:17:09" for n in range(N)])[0] == "date"
    assert kind([20_000_000 + n * 7 for n in range(N)])[0] == "number"


@pytest.mark.parametrize(
    "name", ["Nr", "PassengerId", "customerID", "...1", "Unnamed: 0.1", "__index_level_0__"]
)
def test_d26_d40_row_numbers_and_keys(name):
    numbers = 7 * np.random.default_rng(0).permutation(N)
    assert kind(numbers, name)[0] == "dropped"
    assert kind(numbers % 50, name)[0] == "number"


@pytest.mark.parametrize(("step", "what"), [(1, "dropped"), (3, "number")])
def test_d40_numbers_that_count_rows_whatever_their_name(step, what):
    assert kind(step * np.arange(N), "x")[0] == what


@pytest.mark.parametrize(("rows", "what"), [(19, "number"), (20, "dropped")])
def test_d40_twenty_rows_count(rows, what):
    assert kind(list(range(rows)), "x")[0] == what


def test_the_only_column_is_kept_though_it_counts():
    preparation = Preparation.fit(pl.DataFrame({"x": range(40)}))
    assert preparation.feature_names == ("x",)
    with pytest.raises(InputError, match=r"got none of use \('Nr': an identifier"):
        Preparation.fit(pl.DataFrame({"Nr": range(40)}))


@pytest.mark.parametrize("name", ["grid", "paid", "humid", "width"])
def test_words_that_end_in_id_are_no_keys(name):
    assert kind(7 * np.arange(N), name)[0] == "number"


def test_keys_beyond_2_to_the_53_are_reported():
    keys = [2**60 + n // 10 for n in range(N)]
    _, told = learnt(keys)
    assert kind(keys)[0] == "category"
    assert "beyond 2^53" in told[0]
    assert kind([2**60 + n for n in range(N)])[0] == "dropped"


def notes_of_target(frame, y, task):
    told: list[str] = []
    tell_of_target(frame, "y", y, task, Settings(), told.append)
    return told


def test_d42_a_target_given_away_by_what_is_missing():
    closed = ["2024-05-01" if one == "v" else None for one in U]
    frame = pl.DataFrame({"closed": closed, "y": U})
    [note] = notes_of_target(frame, U, "classification")
    assert "column 'closed' gives the target 'y' away: it is missing in just the rows" in note
    closed[0] = "2024-05-01"
    assert notes_of_target(pl.DataFrame({"closed": closed, "y": U}), U, "classification") == []


def test_d42_a_target_given_away_by_its_logarithm_and_its_bins():
    frame = pl.DataFrame({"a": np.log(A), "y": A})
    assert "logarithm" in notes_of_target(frame, A, "regression")[0]
    bins = np.array(["A", "B", "C", "D", "E"])[np.digitize(A, [2, 4, 6, 8])]
    assert "range" in notes_of_target(pl.DataFrame({"a": bins, "y": A}), A, "regression")[0]
    bins[0] = "A" if bins[0] != "A" else "E"
    assert notes_of_target(pl.DataFrame({"a": bins, "y": A}), A, "regression") == []


def test_d43_categories_that_differ_in_capitals_are_reported():
    _, told = learnt(["Male", "male", "female", "Female"] * 30)
    assert told == ["column 'a' has 2 categories that differ from another only in capital letters"]


def test_d44_one_note_for_a_column_left_out():
    cells = [f"level {n // 2}" for n in range(100)] + [f"once {n}" for n in range(20)]
    frame = pl.DataFrame({"a": [f"{n % 400} {n}" for n in range(2000)], "b": np.arange(2000) * 0.5})
    frame[0, 0] = frame[1, 0]
    told: list[str] = []
    Preparation.fit(frame, tell=told.append)
    assert len(told) == 1
    assert told[0].startswith("left out column a: an identifier or free text")
    assert kind(cells)[0] == "category"


def test_d46_the_kind_of_a_column_can_be_declared():
    zips = [501 + n % 7 for n in range(N)]
    assert kind(zips, choices=Choices(category=("a",)))[0] == "category"
    assert kind(list(range(N)), choices=Choices(number=("a",)))[0] == "number"
    assert kind(A, choices=Choices(drop=("a",))) == ("dropped", "as --drop says")
    assert kind(A, choices=Choices(keep_only=("b",))) == ("dropped", "not among --keep-only")
    with pytest.raises(InputError, match=r"--drop must be a column of the table; got 'A'. Did you"):
        learnt(A, choices=Choices(drop=("A",)))


def test_d51_yes_and_no_for_true_and_false():
    preparation, _ = learnt([n % 3 == 0 for n in range(N)])
    told: list[str] = []
    one = preparation.transform(pl.DataFrame({"a": ["yes", "no"], "b": [0.0, 0.0]}))
    other = preparation.transform(pl.DataFrame({"a": [True, False], "b": [0.0, 0.0]}))
    np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="must hold true and false, or 1 and 0, as at training"):
        preparation.transform(pl.DataFrame({"a": ["maybe"], "b": [0.0]}), tell=told.append)


def test_numbers_far_outside_are_reported():
    preparation, _ = learnt(A)
    width = A.max() - A.min()
    told: list[str] = []
    near, far = A.max() + 0.99 * width, A.min() - 1.01 * width
    preparation.transform(pl.DataFrame({"a": [near, far], "b": [0.0, 0.0]}), tell=told.append)
    assert told == [
        (
            f"column 'a': 1 cell far outside what was trained on, {A.min():g} to {A.max():g}; the "
            f"first is {far:g} in row 2"
        )
    ]


def test_categories_that_were_rare_and_are_frequent_are_reported():
    preparation, _ = learnt(["x"] * 58 + ["y"] * 58 + ["r", "s", "t", "q"])
    told: list[str] = []
    few = pl.DataFrame({"a": ["x"] * 19 + ["new"], "b": np.zeros(20)})
    preparation.transform(few, tell=told.append)
    assert told == []
    many = pl.DataFrame({"a": ["x"] * 6 + ["new"] * 14, "b": np.zeros(20)})
    preparation.transform(many, tell=told.append)
    assert told == [
        "column 'a': 14 cells of categories not kept at training, the first 'new' in row 7"
    ]


@pytest.mark.slow
def test_strict_refuses_what_is_otherwise_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from chainrule.app.commands import app

    monkeypatch.chdir(tmp_path)
    pl.DataFrame({"a": A, "b": NOISE, "y": U}).write_csv("t.csv")
    run = CliRunner().invoke
    assert run(app, ["fit", "t.csv", "--target", "y", "--epochs", "2", "-q"]).exit_code == 0
    pl.DataFrame({"a": [999.0], "b": [0.0]}).write_csv("new.csv")
    assert run(app, ["predict", "t.chainrule", "new.csv", "--out", "p.csv"]).exit_code == 0
    refused = run(app, ["predict", "t.chainrule", "new.csv", "--out", "q.csv", "--strict"])
    assert "as --strict asks; column 'a': 1 cell far outside" in str(refused.exception)
    assert not Path("q.csv").exists()


@pytest.mark.parametrize("mark", ["R$ {}", "{} kr", "{} CAD", "C${}", "Rs. {}", "{} zł", "{}m²"])
def test_d28_other_currencies_and_units_are_numbers(mark):
    assert kind([mark.format(n + 0.5) for n in range(N)])[0] == "number"


@pytest.mark.parametrize("name", ["order no", "Ticket Number", "invoice_nr", "CustomerKey"])
def test_d40_different_numbers_under_the_name_of_a_key(name):
    cells = [(7919 * n) % 100_003 for n in range(N)]
    frame = pl.DataFrame({name: cells, "size": cells, "other": range(1, 3 * N, 3)})
    found = Preparation.fit(frame)
    assert set(found.dropped) == {name}
