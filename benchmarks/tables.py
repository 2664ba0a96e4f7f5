"""Four real tables, and one preparation of them for every network.

Numbers: the median for a missing cell and a column that says so, then standardised. Categories: one
column each; those with less than a thousandth of the training rows share one, and so do new ones.
Everything is learnt from the training rows and stored as float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

RARE = 0.001


@dataclass(frozen=True)
class Table:
    """Rows to train on and to test on, as data frames, and their targets.

    Attributes
    ----------
    x, x_test : DataFrame
        Numbers as float columns, categories as categorical columns, missing cells as NaN.
    y, y_test : array
        Class numbers, or float32.
    classes : bool
        Whether the targets are classes.
    """

    x: pd.DataFrame
    y: np.ndarray
    x_test: pd.DataFrame
    y_test: np.ndarray
    classes: bool


def adult(folder: Path) -> Table:
    """Whether someone earns more than 50 000 dollars; without the survey weight ``fnlwgt``."""
    train, test = (pd.read_csv(folder / f"adult_{part}.csv") for part in ("train", "test"))
    return _classes(train, test, "income", ">50K", ["fnlwgt"], [])


def census_kdd(folder: Path) -> Table:
    """The same of a larger survey, 6 % positive; without the survey weight ``column_24``.

    Industry, occupation, own business, veterans' benefits and year are codes, not amounts.
    """
    train, test = (
        pd.read_parquet(folder / f"census_kdd_{part}.parquet") for part in ("train", "test")
    )
    codes = [f"column_{number}" for number in (2, 3, 36, 38, 40)]
    return _classes(train, test, "column_41", "50000+.", ["column_24"], codes)


def diamonds(folder: Path) -> Table:
    """The price of a diamond; a fifth of the rows at random to test on."""
    table = pd.read_csv(folder / "diamonds.csv")
    held = np.random.default_rng(0).random(len(table)) < 0.2
    return _numbers(table.drop(columns="price"), table["price"], held)


def nyc_flights(folder: Path) -> Table:
    """The delay of a flight at its arrival, from what is known an hour before its departure.

    That is the timetable and the weather at the airport one hour earlier; neither the delay at
    departure nor times in the air are taken. Whole days, each fifth, are held out: flights of a day
    share their weather. Flights that never arrived have no delay and are left out.
    """
    flights = pd.read_parquet(folder / "nyc_flights.parquet").dropna(subset="arr_delay")
    weather = pd.read_parquet(folder / "nyc_weather.parquet")
    measured = ["temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip"]
    weather = weather[["origin", "time_hour", *measured, "pressure", "visib"]]
    later = pd.to_datetime(weather["time_hour"]) + pd.Timedelta(hours=1)
    weather = weather.assign(time_hour=later.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    flights = flights.merge(weather, how="left", on=["origin", "time_hour"], validate="m:1")
    date = pd.to_datetime(flights[["year", "month", "day"]])
    table = pd.DataFrame(
        {
            "day_of_year": date.dt.dayofyear,
            "weekday": date.dt.day_name(),
            "departure": flights["hour"] + flights["minute"] / 60,
            "arrival": flights["sched_arr_time"] // 100 + flights["sched_arr_time"] % 100 / 60,
            **{name: flights[name] for name in ("carrier", "origin", "dest", "distance")},
            **{name: flights[name] for name in weather.columns[2:]},
        }
    )
    return _numbers(table, flights["arr_delay"], (date.dt.dayofyear % 5 == 0).to_numpy())


TABLES: dict[str, Callable[[Path], Table]] = {
    "adult": adult,
    "census_kdd": census_kdd,
    "diamonds": diamonds,
    "nyc_flights": nyc_flights,
}


def prepared(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the inputs of the training and of the test rows, float32."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    categories = OneHotEncoder(
        min_frequency=RARE, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    transformer = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_include="category")),
    )
    x = transformer.fit_transform(table.x).astype(np.float32)
    return x, transformer.transform(table.x_test).astype(np.float32)


def _classes(
    train: pd.DataFrame,
    test: pd.DataFrame,
    target: str,
    positive: str,
    left_out: list[str],
    codes: list[str],
) -> Table:
    rows = pd.concat([train, test], ignore_index=True)
    y = rows[target].eq(positive).to_numpy().astype(np.int64)
    assert 0.0 < y.mean() < 0.5, f"{y.mean():.1%} of {target} is {positive!r}"
    x = _typed(rows.drop(columns=[target, *left_out]).astype(dict.fromkeys(codes, "str")))
    n = len(train)
    return Table(x[:n], y[:n], x[n:], y[n:], True)


def _numbers(x: pd.DataFrame, y: pd.Series, held: np.ndarray) -> Table:
    x, targets = _typed(x), y.to_numpy().astype(np.float32)
    return Table(x[~held], targets[~held], x[held], targets[held], False)


def _typed(x: pd.DataFrame) -> pd.DataFrame:
    numbers = x.select_dtypes("number").columns
    kinds = {name: "float64" if name in numbers else "category" for name in x.columns}
    return x.astype(kinds)
