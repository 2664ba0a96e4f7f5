"""The training state: bit-exact resume in a new process, whole files, one-line refusals."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from chainrule import (
    Dense,
    Network,
    TrainingState,
    load_state,
    optimizers,
    save_state,
    schedules,
    train,
)
from chainrule.foundation.array_files import read_arrays, write_arrays
from chainrule.foundation.errors import FileFormatError, InputError

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(37, 3))
T = np.sin(X[:, 0]) + X[:, 1]
NETWORK = Network(Dense(3, 6, "gelu"), Dense(6, 4, "tanh", bias=False), Dense(4, 1))
# A new process: it knows the file, the data and the options, and nothing else.
RESUME = """
import json, sys
import numpy as np
from chainrule import load_state, save_state, optimizers, train
folder, options = sys.argv[1], json.loads(sys.argv[2])
data = np.load(folder + "/data.npz")
state = load_state(folder + "/four.state")
record = optimizers.get(state.optimizer["name"], **{
    key: value for key, value in state.optimizer.items() if key != "name"})
losses = [epoch.loss for epoch in train(
    state.network, data["x"], data["t"], optimizer=record, state=state,
    validation=(data["x"][:9], data["t"][:9]), **options)]
save_state(folder + "/ten.state", state)
print(json.dumps([loss.hex() for loss in losses]))
"""
RECORDS = [
    optimizers.get("sgd", momentum=0.9, nesterov=True),
    optimizers["sgd"],
    optimizers["adam"],
    optimizers["adamw"],
    optimizers.get("rmsprop", weight_decay=0.01),
    optimizers.get("adam", averaging=0.9, clip_norm=0.5),
]


def same_state(one, other):
    assert one.vector.tobytes() == other.vector.tobytes()
    assert len(one.slots) == len(other.slots)
    for slot, other_slot in zip(one.slots, other.slots, strict=True):
        assert slot.tobytes() == other_slot.tobytes()
    for name in ("network", "optimizer", "seed", "step", "epoch", "learning_rate"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.float64(one.first_loss).tobytes() == np.float64(other.first_loss).tobytes()
    assert one.patience == other.patience
    assert (one.best is None) == (other.best is None)
    if one.best is not None:
        assert one.best.tobytes() == other.best.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("record", "dtype"),
    [*((record, "float64") for record in RECORDS), (optimizers["adam"], "float32")],
    ids=repr,
)
def test_ten_epochs_are_four_saved_and_six_more_in_a_new_process(record, dtype, tmp_path):
    options = {"batch_size": 8, "learning_rate": 0.01, "patience": 50, "l2": 1e-3}
    options["engine"] = "reference"
    validation = (X[:9], T[:9])

    def run(state, epochs):
        return [
            epoch.loss
            for epoch in train(
                NETWORK, X, T, optimizer=record, state=state, epochs=epochs,
                validation=validation, **options,
            )
        ]  # fmt: skip

    long = TrainingState.start(NETWORK, record, seed=5, dtype=dtype)
    expected = run(long, 10)
    short = TrainingState.start(NETWORK, record, seed=5, dtype=dtype)
    assert run(short, 4) == expected[:4]
    save_state(tmp_path / "four.state", short)
    np.savez(tmp_path / "data.npz", x=X, t=T)
    done = subprocess.run(
        [sys.executable, "-c", RESUME, str(tmp_path), json.dumps({**options, "epochs": 6})],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [float.fromhex(loss) for loss in json.loads(done.stdout)] == expected[4:]
    same_state(load_state(tmp_path / "ten.state"), long)


@pytest.mark.parametrize(
    "schedule", [name for name in schedules if not schedules[name].needs_total]
)
def test_schedules_go_on_where_they_were(schedule):
    def run(state, *lengths):
        rates = []
        for epochs in lengths:
            rates += [
                epoch.learning_rate
                for epoch in train(
                    NETWORK, X, T, state=state, epochs=epochs, patience=2, tolerance=0.5,
                    schedule=schedule, engine="reference",
                )
            ]  # fmt: skip
        return rates

    one, two = (TrainingState.start(NETWORK, optimizers["sgd"], seed=1) for _ in range(2))
    assert run(one, 6) == run(two, 2, 4)
    same_state(one, two)


def test_every_stop_in_between_is_a_place_to_go_on_from(tmp_path):
    options = {"optimizer": "adam", "engine": "reference", "batch_size": 10}
    whole = TrainingState.start(NETWORK, optimizers["adam"], seed=2)
    list(train(NETWORK, X, T, state=whole, epochs=5, **options))
    state = TrainingState.start(NETWORK, optimizers["adam"], seed=2)
    for _ in range(5):
        list(train(NETWORK, X, T, state=state, epochs=1, **options))
        save_state(tmp_path / "run.state", state)
        state = load_state(tmp_path / "run.state")
    same_state(state, whole)


def test_a_file_from_before_clipping_and_averaging_goes_on(tmp_path):
    state = TrainingState.start(NETWORK, optimizers["adam"], seed=2)
    list(train(NETWORK, X, T, state=state, epochs=1, optimizer="adam"))
    save_state(tmp_path / "run.state", state)
    description, arrays = read_arrays(tmp_path / "run.state", "training state")
    for young in ("averaging", "clip_norm"):
        del description["optimizer"][young]
    write_arrays(tmp_path / "old.state", "training state", description, arrays)
    old = load_state(tmp_path / "old.state")
    same_state(old, state)
    for run in (old, state):
        list(train(NETWORK, X, T, state=run, epochs=1, optimizer="adam"))
    same_state(old, state)


def test_a_fresh_state_survives_a_file(tmp_path):
    state = TrainingState.start(NETWORK, optimizers["adam"], seed=3, dtype="float32")
    save_state(tmp_path / "fresh.state", state)
    copy = load_state(tmp_path / "fresh.state")
    assert np.isnan(copy.first_loss)
    same_state(copy, state)
    assert copy.vector.dtype == np.float32


def test_another_optimizer_or_network_is_refused():
    state = TrainingState.start(NETWORK, optimizers["adam"])
    with pytest.raises(ValueError, match="optimizer must be the one the state belongs to"):
        train(NETWORK, X, T, optimizer="sgd", state=state)
    other = Network(Dense(3, 1))
    with pytest.raises(ValueError, match="network must be the one the state belongs to"):
        train(other, X, T, optimizer="adam", state=state)


class TestFile:
    @pytest.fixture
    def state(self):
        return TrainingState.start(NETWORK, optimizers["adam"], seed=3)

    @pytest.fixture
    def path(self, state, tmp_path):
        save_state(tmp_path / "run.state", state)
        return tmp_path / "run.state"

    def test_holds_no_pickle_and_a_format_number(self, path):
        description, arrays = read_arrays(path, "training state")
        assert set(arrays) == {"vector", "slot.0", "slot.1"}
        assert description["seed"] == 3
        header = path.read_bytes()[8:]
        assert b'\\"format\\": 2' in header
        assert b'\\"kind\\": \\"training state\\"' in header

    def test_has_the_mode_of_any_new_file(self, path, tmp_path):
        (tmp_path / "plain").write_text("")
        expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == expected

    def test_replaces_an_older_file_and_leaves_nothing_beside_it(self, path, state):
        state.epoch = 9
        save_state(path, state)
        assert load_state(path).epoch == 9
        assert os.listdir(path.parent) == [path.name]

    @pytest.mark.parametrize("broken", ["fsync", "replace"])
    def test_a_failing_write_leaves_the_old_file(self, path, state, monkeypatch, broken):
        before = path.read_bytes()

        def full(*arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, broken, full)
        state.epoch = 9
        with pytest.raises(InputError, match=r"cannot write .*run.state: No space left on device\. "
                                             "Nothing was changed"):  # fmt: skip
            save_state(path, state)
        assert path.read_bytes() == before
        assert os.listdir(path.parent) == [path.name]

    def test_is_synced_before_it_takes_the_name(self, path, state, monkeypatch):
        calls = []
        for name in ("fsync", "replace"):
            original = getattr(os, name)
            monkeypatch.setattr(
                os, name, lambda *a, _n=name, _o=original: (calls.append(_n), _o(*a))[1]
            )
        save_state(path, state)
        assert calls[:2] == ["fsync", "replace"]

    def test_a_folder_that_is_not_there(self, state, tmp_path):
        with pytest.raises(
            InputError, match=r"cannot write .*: No such file or directory. Nothing"
        ):
            save_state(tmp_path / "no" / "run.state", state)

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(
            InputError, match=r"cannot read .*none.state: No such file or directory"
        ):
            load_state(tmp_path / "none.state")

    @pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, -1])
    def test_a_truncated_file(self, path, length):
        contents = path.read_bytes()
        path.write_bytes(contents[:length])
        self.refused(path, f"{path} is damaged, or no chainrule file")

    @pytest.mark.parametrize(
        "contents", [b"\x80\x04\x95pickle", b"{}", b"a,b\n1,2\n", b"\xff" * 64, b"\x00" * 4096]
    )
    def test_a_foreign_file(self, path, contents):
        path.write_bytes(contents)
        self.refused(path, f"{path} is damaged, or no chainrule file ({len(contents):,} bytes)")

    def test_a_safetensors_file_of_someone_else(self, path):
        path.write_bytes(safetensors.numpy.save({"weight": np.ones(3)}))
        self.refused(path, "is damaged, or no chainrule file")

    @pytest.mark.parametrize("text", ["[]", "1", "not json", '{"format": 1}', '{"kind": "x"}'])
    def test_metadata_of_another_make(self, path, text):
        contents = safetensors.numpy.save({"weight": np.ones(3)}, metadata={"chainrule": text})
        path.write_bytes(contents)
        self.refused(path, "is damaged, or no chainrule file")

    def test_another_kind_of_file(self, path):
        write_arrays(path, "model", {}, {"weight": np.ones(3)})
        self.refused(path, "must be a training state; it is a model.")

    @pytest.mark.parametrize("number", [0, 3, 99, True, "two", None])
    def test_another_format(self, path, number):
        description, arrays = read_arrays(path, "training state")
        write_arrays(path, "training state", description | {"format": number}, arrays)
        self.refused(path, f"has format {number}, of chainrule {description['version']}; this one")

    @pytest.mark.parametrize("field", ["seed", "network", "patience", "first_loss"])
    def test_a_missing_field(self, path, field):
        description, arrays = read_arrays(path, "training state")
        del description[field]
        write_arrays(path, "training state", description, arrays)
        self.refused(path, f"must hold a whole training state; '{field}' is missing.")

    def test_a_missing_array(self, path):
        description, arrays = read_arrays(path, "training state")
        del arrays["vector"]
        write_arrays(path, "training state", description, arrays)
        self.refused(path, "must hold a whole training state; 'vector' is missing")

    def test_an_unknown_field_in_a_part(self, path):
        description, arrays = read_arrays(path, "training state")
        description["patience"]["mood"] = 1
        write_arrays(path, "training state", description, arrays)
        self.refused(path, "must hold a whole training state; .*mood")

    @pytest.mark.parametrize(
        "damage",
        [
            lambda description, arrays: arrays.update(vector=arrays["vector"][:-1]),
            lambda description, arrays: arrays.pop("slot.1"),
            lambda description, arrays: arrays.update({"slot.0": arrays["slot.0"][:2]}),
            lambda description, arrays: description["network"]["layers"].pop(),
            lambda description, arrays: description["network"]["layers"][0].update(n_in="x"),
            lambda description, arrays: description["network"]["layers"][0]["activation"].update(
                name="no_such_function"
            ),
            lambda description, arrays: description["optimizer"].update(name="no_such_rule"),
            lambda description, arrays: description.update(step="three"),
            lambda description, arrays: description.update(step=-1),
            lambda description, arrays: description.update(learning_rate=-0.5),
            lambda description, arrays: description.update(first_loss="big"),
            lambda description, arrays: arrays.update(vector=arrays["vector"].astype(np.int64)),
        ],
        ids=[
            "vector",
            "slot",
            "slot size",
            "layers",
            "width",
            "activation",
            "optimizer",
            "step",
            "negative step",
            "rate",
            "loss",
            "dtype",
        ],
    )
    def test_parts_that_do_not_belong_together(self, path, damage):
        description, arrays = read_arrays(path, "training state")
        damage(description, arrays)
        write_arrays(path, "training state", description, arrays)
        self.refused(path, "run.state must hold a whole training state; ")

    @staticmethod
    def refused(path: Path, message: str) -> None:
        with pytest.raises(FileFormatError) as caught:
            load_state(path)
        text = str(caught.value)
        assert "\n" not in text
        if ".*" in message:
            first, second = message.split(".*")
            assert first in text
            assert second in text
        else:
            assert message in text


def test_state_is_separate_from_what_it_was_started_from():
    parameters = NETWORK.start(seed=1)
    state = TrainingState.start(NETWORK, optimizers["sgd"], parameters=parameters)
    state.vector[0] += 1.0
    assert parameters.vector[0] != state.vector[0]
    assert replace(state).vector is state.vector
