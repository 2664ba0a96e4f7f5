"""How numbers are written, on both sides of where it changes."""

import pytest

from chainrule.foundation.short_numbers import share, short


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (999.4, 3, "999"),
        (1000.4, 3, "1,000"),
        (9_999_999.0, 3, "9,999,999"),
        (10_000_000.0, 3, "1.00e+07"),
        (0.0012345, 3, "0.00123"),
        (12345.6, 5, "12346"),
    ],
)
def test_large_numbers_are_whole_and_powers_from_ten_million_on(value, digits, text):
    assert short(value, digits) == text
    assert short(-value, digits) == f"-{text}"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0101, "1 %"), (0.01, "1 %"), (0.0099, "1 %"), (0.0094, "0.9 %")]
)
def test_shares_below_one_per_cent_have_one_digit(value, text):
    assert share(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0149, "1 %"), (0.00149, "0.1 %"), (0.0, "0 %")])
def test_shares_from_one_per_cent_on_are_whole(value, text):
    assert share(value) == text
