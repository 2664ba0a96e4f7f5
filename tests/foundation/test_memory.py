"""Work that memory cannot hold is refused at the limit, and not below it."""

import pytest

from chainrule.foundation import memory


@pytest.fixture(autouse=True)
def _a_machine_of_a_gigabyte(monkeypatch):
    monkeypatch.setattr(memory, "physical_bytes", lambda: 10**9)
    monkeypatch.setattr(memory, "limit_bytes", lambda: None)


def test_a_text_file_may_have_twice_the_bytes_of_memory():
    memory.check_file("t.csv", 2 * 10**9)
    with pytest.raises(MemoryError, match=r"t.csv of 2.0 GB needs 1.0 GB or more.* has 1.0 GB"):
        memory.check_file("t.csv", 2 * 10**9 + 2)


def test_a_table_may_fill_the_memory():
    memory.check_table(10**6, 125, 8)
    with pytest.raises(MemoryError, match=r"1,000,001 rows of 125 numbers need 1.0 GB"):
        memory.check_table(10**6 + 1, 125, 8)


def test_the_lower_limit_counts(monkeypatch):
    monkeypatch.setattr(memory, "limit_bytes", lambda: 10**8)
    memory.check_file("t.csv", 2 * 10**8)
    with pytest.raises(MemoryError, match=r"this process may have 0.1 GB"):
        memory.check_file("t.csv", 2 * 10**8 + 2)
