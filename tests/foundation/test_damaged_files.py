"""Files of arrays: a checksum over all they hold, and no memory for what a header only claims."""

import json
import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from chainrule.foundation.array_files import read_arrays, read_contents, write_arrays
from chainrule.foundation.array_headers import DTYPES
from chainrule.foundation.errors import FileFormatError, InputError

DESCRIPTION = {"name": 'a "quoted" [text] {with} \\ marks', "losses": [1.5, float("nan")]}
ARRAYS = {
    "weights": np.linspace(0.0, 1.0, 12).reshape(3, 4),
    "half": np.arange(5, dtype=np.float16),
    "flags": np.array([True, False]),
    "none": np.empty((0, 4), dtype=np.int32),
    "one": np.array(7, dtype=np.uint64),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_arrays(tmp_path / "a", "thing", DESCRIPTION, ARRAYS)
    return tmp_path / "a"


def written(path: Path, header: bytes, data: bytes = b"") -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def test_what_is_written_comes_back(path: Path) -> None:
    description, arrays = read_arrays(path, "thing")
    assert description["name"] == DESCRIPTION["name"]
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_the_library_of_the_format_reads_the_same(path: Path) -> None:
    theirs, ours = safetensors.numpy.load_file(path), read_contents(path).arrays
    assert {name: array.tolist() for name, array in theirs.items()} == {
        name: array.tolist() for name, array in ours.items()
    }


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_every_kind_of_numbers_comes_back(tmp_path: Path, dtype) -> None:
    write_arrays(tmp_path / "a", "thing", {}, {"x": np.arange(3).astype(dtype)})
    assert read_contents(tmp_path / "a").arrays["x"].dtype == dtype


@pytest.mark.slow
def test_every_flipped_bit_is_refused(path: Path) -> None:
    contents = path.read_bytes()
    equal = 0
    for place in range(len(contents)):
        for bit in (1 << place % 8, 1 << (place + 3) % 8):
            changed = bytearray(contents)
            changed[place] ^= bit
            path.write_bytes(changed)
            try:
                description, arrays = read_arrays(path, "thing")
            except FileFormatError:
                continue
            # only a blank that fills the header up, which is no part of the contents
            equal += 1
            assert description["name"] == DESCRIPTION["name"]
            assert arrays["weights"].tobytes() == ARRAYS["weights"].tobytes()
    assert equal < 16


def test_a_file_without_its_checksum_is_refused(path: Path, tmp_path: Path) -> None:
    arrays = {"x": np.ones(2)}
    for number, refused in ((1, False), (2, True), (3, True)):
        text = json.dumps({"format": number, "kind": "thing"})
        path.write_bytes(safetensors.numpy.save(arrays, metadata={"chainrule": text}))
        if refused:
            with pytest.raises(FileFormatError, match="do not match its checksum"):
                read_contents(path)
        else:
            assert read_contents(path).arrays["x"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "header",
    [
        b"{" + b'"a":{' * 10**5,
        b'{"__metadata__":' + b"[" * 10**6,
        b'{"' + b'\\"' * 10**6,
        b'{"__metadata__":{"chainrule":"' + b"[" * 10**5 + b'"}}',
        b'{"__metadata__":{"chainrule":"{}"},"x":{"dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000]}}',
        b'{"__metadata__":{"chainrule":"{}"},"x":{"dtype":"F64","shape":[1],"data_offsets":[0,4]}}',
        b'{"__metadata__":{"chainrule":"{}"},"x":{"dtype":"F64","shape":[-1],"data_offsets":[0,-8]}}',
        b'{"__metadata__":{"chainrule":"{}"},"x":{"dtype":"O","shape":[1],"data_offsets":[0,8]}}',
        b'{"__metadata__":{"chainrule":"{}"},"x":{"dtype":"F64","shape":[1],"data_offsets":[8,16]}}',
        b'{"__metadata__":{"chainrule":3}}',
        b'{"__metadata__":{"chainrule":"\\ud800"}}',
        b'{"__metadata__":{"chainrule":"{\\"format\\":1e999,\\"kind\\":[]}"}}',
    ],
    ids=range(12),
)  # fmt: skip
def test_a_malformed_header_is_refused_in_little_memory(tmp_path: Path, header: bytes) -> None:
    path = written(tmp_path / "a", header, bytes(8))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="is damaged"):
            read_contents(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * path.stat().st_size + 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [2**63, 2**40, 10**8 + 1])
def test_a_header_longer_than_the_file_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "a").write_bytes(length.to_bytes(8, "little") + b"{}")
    with pytest.raises(FileFormatError, match="is damaged"):
        read_contents(tmp_path / "a")


def test_a_large_file_takes_its_own_memory_once(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a", "thing", {}, {name: np.ones(10**5) for name in "abc"})
    tracemalloc.start()
    try:
        contents = read_contents(tmp_path / "a")
        assert tracemalloc.get_traced_memory()[1] < 1.1 * (tmp_path / "a").stat().st_size
    finally:
        tracemalloc.stop()
    assert contents.arrays["a"].sum() == 10**5


def test_records_that_could_not_be_read_again_are_not_written(tmp_path: Path) -> None:
    deep: list = []
    for _ in range(70):
        deep = [deep]
    with pytest.raises(InputError, match="nested at most 64 deep"):
        write_arrays(tmp_path / "a", "thing", {"training": deep}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="special files of POSIX")
def test_a_pipe_is_read_like_a_file(path: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for contents in (path.read_bytes(), path.read_bytes()[:-1]):
        writer = threading.Thread(target=pipe.write_bytes, args=(contents,))
        writer.start()
        if contents == path.read_bytes():
            assert read_contents(pipe).arrays["weights"].tobytes() == ARRAYS["weights"].tobytes()
        else:
            with pytest.raises(FileFormatError, match="is damaged"):
                read_contents(pipe)
        writer.join()
