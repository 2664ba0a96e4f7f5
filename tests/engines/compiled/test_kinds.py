"""Calls and records that do not fit are refused, in a sentence, when the code is written."""

import llvmlite.binding as llvm
import numpy as np
import pytest

from chainrule.engines.compiled.kinds import (
    BYTES,
    NUMBERS,
    Address,
    Entry,
    EntryPoint,
    Field,
    KindError,
    Record,
    Signature,
    real,
    whole,
)
from chainrule.engines.compiled.machine_code import ModuleSource, load
from chainrule.engines.compiled.nonzeros import Nonzeros
from chainrule.engines.compiled.structs import Place, Table
from chainrule.engines.compiled.tables import ENTRY, UPDATE, Job, LayerRow, Result, UnitRow
from chainrule.engines.compiled.target import host_target
from chainrule.engines.compiled.tiles import Products
from chainrule.engines.compiled.values import Variable
from chainrule.engines.compiled.writing import Module, function

LAYER_AND_UNIT = Signature(layer=Address(LayerRow), unit=Address(UnitRow), rows=whole, scale=real)


@pytest.fixture
def module():
    return Module("test", host_target(), 4)


@pytest.fixture
def callee(module):
    code = function(module, "callee", LAYER_AND_UNIT)
    code.end()
    return code.function


@pytest.fixture
def caller(module):
    """Return a function that is being written, and the arguments of the call it makes."""
    code = function(module, "caller", LAYER_AND_UNIT)
    names = tuple(LAYER_AND_UNIT.parameters)
    return code, dict(zip(names, code.arguments(*names), strict=True))


class TestCalls:
    def test_the_right_one_is_written(self, module, callee, caller):
        code, arguments = caller
        code.call(callee, **arguments | {"rows": 8, "scale": 2.0})
        code.end()
        assert "i64 8, double 0x4000000000000000" in str(module)

    def test_a_missing_argument(self, callee, caller):
        code, arguments = caller
        del arguments["rows"]
        with pytest.raises(KindError, match=r"a call of callee must give each of .* got no rows\."):
            code.call(callee, **arguments)

    def test_an_argument_too_many(self, callee, caller):
        code, arguments = caller
        with pytest.raises(KindError, match=r"got also more\. Name the arguments"):
            code.call(callee, **arguments, more=1)

    def test_no_argument_goes_by_position(self, callee, caller):
        code, arguments = caller
        with pytest.raises(TypeError):
            code.call(callee, *arguments.values())

    def test_a_number_of_another_type(self, callee, caller):
        code, arguments = caller
        for wrong in (code.value(1.0, real), 0.5, arguments["layer"]):
            with pytest.raises(KindError, match=r"rows of callee must be"):
                code.call(callee, **arguments | {"rows": wrong})
        with pytest.raises(KindError, match=r"scale of callee must be of the kind double; got i64"):
            code.call(callee, **arguments | {"scale": arguments["rows"]})

    def test_swapped_addresses(self, callee, caller):
        code, arguments = caller
        swapped = {"layer": arguments["unit"], "unit": arguments["layer"]}
        sentence = (
            r"layer of callee must be of the kind address of LayerRow; got address of UnitRow"
        )
        with pytest.raises(KindError, match=sentence):
            code.call(callee, **arguments | swapped)

    def test_a_null_is_an_address_of_any_kind(self, callee, caller):
        code, arguments = caller
        code.call(callee, **arguments | {"layer": code.null()})
        with pytest.raises(KindError):
            code.call(callee, **arguments | {"rows": code.null()})

    def test_arguments_are_taken_in_the_order_of_the_signature(self, module):
        code = function(module, "other", LAYER_AND_UNIT)
        with pytest.raises(KindError, match=r"must be taken as .* got unit, layer, rows, scale"):
            code.arguments("unit", "layer", "rows", "scale")

    def test_entries_are_called_with_their_own_signature(self, module):
        code = function(module, "caller", ENTRY)
        job, _ = code.arguments("job", "thread")
        with pytest.raises(KindError, match=r"a call of the entry update must give .* got no p,"):
            code.call_entry(job[Job.update], n=1)
        with pytest.raises(KindError, match="only an entry can be called; got i64"):
            code.call_entry(job[Job.rows])


class TestAddresses:
    def test_a_field_is_read_at_its_own_record(self, caller):
        _, arguments = caller
        with pytest.raises(KindError, match=r"UnitRow\.rows must be read at .* Swapped arguments"):
            arguments["layer"][UnitRow.rows]

    def test_the_elements_are_of_the_kind_that_lies_there(self, module):
        code = function(module, "reader", Signature(x=Address(NUMBERS), y=Address(real)))
        x, y = code.arguments("x", "y")
        x.load(module.vector, 3)
        for wrong in (lambda: x.load(real), lambda: y.load(module.element), lambda: x.at(1, whole)):
            with pytest.raises(KindError, match="must lie at an address of it"):
                wrong()
        with pytest.raises(KindError, match="double must lie"):
            x.store(code.value(1.0, real))
        with pytest.raises(KindError, match="only bytes can be seen as double"):
            x.seen_as(real)

    def test_a_variable_keeps_its_kind(self, caller):
        code, arguments = caller
        variable = Variable(code, arguments["layer"], "layer")
        variable.get()[LayerRow.n_in]
        with pytest.raises(KindError, match="a variable must be of the kind address of LayerRow"):
            variable.set(arguments["unit"])

    def test_both_choices_are_of_one_kind(self, caller):
        code, arguments = caller
        yes = arguments["rows"] > 0
        chosen = code.where(yes, arguments["layer"], code.null())
        assert chosen.kind == Address(LayerRow)
        with pytest.raises(KindError, match="the other choice must be"):
            code.where(yes, arguments["layer"], arguments["unit"])

    def test_rows_are_those_of_a_record(self, caller, module):
        _, arguments = caller
        assert arguments["unit"].row(2)[UnitRow.rows].type == whole
        code = function(module, "bytes", Signature(x=Address(BYTES)))
        (x,) = code.arguments("x")
        with pytest.raises(KindError, match="rows must be of a record; got address of bytes"):
            x.row(1)


class TestTables:
    class Small(Record):
        count = Field(whole)
        x_at = Field(Address(NUMBERS))
        layer_at = Field(Address(LayerRow))
        run = Field(Entry(UPDATE))

    @pytest.fixture
    def table(self):
        return Table(self.Small, np.float32)

    def test_a_field_takes_what_its_kind_says(self, table):
        x = np.zeros(4, np.float32)
        layers = Table(LayerRow, np.float32, (2,))
        table[self.Small.count] = 3
        table[self.Small.x_at] = Place(x, 2)
        table[self.Small.layer_at] = layers
        table[self.Small.run] = EntryPoint(64, UPDATE)
        assert table.values.tolist() == [3, x.ctypes.data + 8, layers.address, 64]
        table[self.Small.x_at] = table[self.Small.run] = None
        assert table.values.tolist() == [3, 0, layers.address, 0]

    def test_other_things_are_refused(self, table):
        small = self.Small
        for field, wrong, sentence in (
            (small.count, 0.5, "Small.count must be a whole number; got 0.5"),
            (small.x_at, np.zeros(4), "must be the address of numbers; got float64"),
            (small.x_at, 12345, "must be the address of numbers; got int"),
            (small.layer_at, Table(UnitRow, np.float32), "address of LayerRow; got UnitRow"),
            (small.run, EntryPoint(64, ENTRY), r"must be a function of \(n: i64, p: address"),
            (Job.rows, 1, "a Small has no field Job.rows"),
        ):
            with pytest.raises(KindError, match=sentence):
                table[field] = wrong
        with pytest.raises(KindError, match=r"has no field Job\.rows"):
            table[Job.rows]

    def test_what_an_address_points_to_is_kept(self, table):
        x = np.zeros(4, np.float32)
        table[self.Small.x_at] = x
        assert table.array_of(self.Small.x_at) is x

    def test_rows_share_the_memory_of_their_table(self):
        layers = Table(LayerRow, np.float64, (2, 3))
        layers.row(1, 2)[LayerRow.n_in] = 7
        assert layers[LayerRow.n_in].tolist() == [[0, 0, 0], [0, 0, 7]]

    def test_a_record_of_reals_holds_reals(self):
        result = Table(Result, np.float32)
        result[Result.loss] = 0.5
        assert result.values.dtype == np.float64
        assert result[Result.loss] == 0.5


def test_loaded_code_is_called_with_the_signature_it_was_written_with():
    signature = Signature(n=whole, x=Address(NUMBERS))

    def build():
        module = Module("signed", host_target(), 8)
        code = function(module, "run", signature, inner=False)
        n, x = code.arguments("n", "x")
        x.store(x.load(module.element) + 1.0, n)
        code.end()
        return module

    code = load(ModuleSource(host_target(), "signed", "of the signature", build))
    x = np.array([1.0, 0.0])
    code.entry("run", signature).function()(1, x.ctypes.data)
    assert x.tolist() == [1.0, 2.0]
    with pytest.raises(KindError, match=r"run must be called with \(n: i64, x: address of numbers"):
        code.entry("run", Signature(x=Address(NUMBERS), n=whole))


def test_a_signature_in_words():
    assert repr(ENTRY) == "job: address of Job, thread: i64"
    assert repr(Signature(real, x=Address(Address(NUMBERS)))) == (
        "x: address of address of numbers -> double"
    )


@pytest.mark.slow
def test_values_have_names_in_the_text_for_llvm(module):
    """Accumulators, pointers, counters and fields: LLVM keeps the names while it optimises."""
    Products.of(module)
    Nonzeros.of(module)
    text = str(module).replace('"', "")
    for name in ("sum_0_0", "a_of_tile", "k.loop", "z_of_row", "sorted_rows_at", "panel_rows"):
        assert f"%{name}" in text or f"\n{name}:" in text, name
    parsed = llvm.parse_assembly(str(module))
    parsed.get_function("across").linkage = "external"
    machine = host_target().new_machine()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(2))
    builder.getModulePassManager().run(parsed, builder)
    assert "%sum_0_0" in str(parsed)
