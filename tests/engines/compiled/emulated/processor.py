"""Kernels for 64-bit ARM on any machine: this process holds the memory, QEMU runs the code.

The engine prepares its job as ever; where it would call a kernel, an image of the process's memory
goes to a small program of that processor, which maps it at the same addresses, calls the kernel and
writes the image back. To be run with an unlimited stack: Linux then places memory so low that the
emulator's own lies elsewhere.
"""

import ctypes
import os
import resource
import struct
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from chainrule.engines.compiled import machine_code, planning
from chainrule.engines.compiled.kinds import EntryPoint
from chainrule.engines.compiled.target import Target

NEON = Target("neoverse-n1", "", 16, 32, "aarch64-unknown-linux-gnu")
PREFIX = "aarch64-linux-gnu-"
EMULATOR = "qemu-aarch64"
# Distance of the guest's addresses from the emulator's; and where the jumps to functions lie.
GUEST_BASE, JUMPS, JUMP_BYTES = 1 << 44, 1 << 36, 16
PAGE = 4096
# The emulator's own stack; without a limit its memory would lie where the image goes.
LIMITED = (8 << 20, resource.RLIM_INFINITY)


class EmulatedCode:
    """Code of another processor, in place of `MachineCode`."""

    made = runs = 0
    folder: Path
    objects: list[Path] = []
    table: dict[str, int] = {}

    def __init__(self, target: Target, image: bytes) -> None:
        assert target is NEON
        type(self).made += 1
        self.prefix = f"module{self.made}_"
        self._file = self.folder / f"{self.prefix}.o"
        self._file.write_bytes(image)
        self.entries: set[str] = set()
        self.objects.append(self._file)

    def entry(self, name, signature) -> EntryPoint:
        """Return a function: its address is that of a jump to it."""
        symbol = self.prefix + name
        if symbol not in self.table:
            self.table[symbol] = JUMPS + JUMP_BYTES * len(self.table)
            call([f"{PREFIX}objcopy", f"--redefine-sym={name}={symbol}", str(self._file)])
        return Entry(self.table[symbol], signature, symbol)


class Entry(EntryPoint):
    """An entry point that runs on the emulated processor."""

    def __init__(self, address: int, signature, symbol: str) -> None:
        super().__init__(address, signature)
        object.__setattr__(self, "symbol", symbol)

    def function(self):
        return lambda job, thread: run(self.symbol, job, thread)


def call(words: list[str], **options) -> None:
    done = subprocess.run(words, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words[0]} ended with {done.returncode}: {done.stderr}"


def linked() -> Path:
    """Return the program with all functions known so far."""
    folder = EmulatedCode.folder
    program = folder / f"driver{len(EmulatedCode.table)}"
    if program.exists():
        return program
    objects = []
    for file in EmulatedCode.objects:
        prefix = file.stem
        own = [one for one in EmulatedCode.table if one.startswith(prefix)]
        kept = [f"--keep-global-symbol={one}" for one in own]
        local = folder / f"{prefix}local.o"
        call([f"{PREFIX}objcopy", *(kept or ["--keep-global-symbol=none"]), str(file), str(local)])
        objects.append(str(local))
    names = EmulatedCode.table
    lines = [
        "#include <stdint.h>",
        "struct function { uint64_t at; void *code; const char *name; };",
    ]
    lines += [f"extern void {name}(void);" for name in names]
    lines += ["const struct function table[] = {"]
    lines += [f'  {{{at}ull, (void *){name}, "{name}"}},' for name, at in names.items()]
    lines += ["};", f"const int functions = {len(names)};", ""]
    (folder / "table.c").write_text("\n".join(lines))
    # functions of Python, which only the shortest calls need, are not there
    call(
        [
            *(f"{PREFIX}gcc", "-static", "-O1", "-no-pie", "-Wl,--unresolved-symbols=ignore-all"),
            *(str(Path(__file__).with_name("driver.c")), str(folder / "table.c"), *objects),
            *("-lm", "-o", str(program)),
        ]
    )
    return program


def regions() -> list[tuple[int, int]]:
    """Return where this process may write: first address and number of bytes."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        places, rights, _, _, _, *name = line.split()
        if rights.startswith("rw") and name[:1] not in (["[stack]"], ["[vvar]"]):
            first, last = (int(place, 16) for place in places.split("-"))
            found.append((first, last - first))
    return found


def touched(first: int, size: int) -> list[tuple[int, int]]:
    """Return what of a region was ever written to: first addresses and numbers of bytes."""
    with Path("/proc/self/pagemap").open("rb", buffering=0) as file:
        pages = np.frombuffer(os.pread(file.fileno(), size // PAGE * 8, first // PAGE * 8), "u8")
    there = np.r_[0, (pages >> 62) != 0, 0]  # in memory, or swapped
    begins, ends = (np.flatnonzero(np.diff(there) == step) for step in (1, -1))
    return [
        (first + PAGE * int(one), PAGE * int(two - one))
        for one, two in zip(begins, ends, strict=True)
    ]


def written(image: Path) -> Iterator[tuple[int, int]]:
    """Yield the parts of a file that are no holes."""
    with image.open("rb") as file:
        end, size = PAGE, image.stat().st_size
        while end < size:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # nothing but a hole
                return
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            yield start, end


def run(symbol: str, job: int, thread: int) -> None:
    """Call a kernel on the emulated processor, and take over what it wrote."""
    EmulatedCode.runs += 1
    program = linked()
    before, image = (EmulatedCode.folder / name for name in ("before", "image"))
    places = regions()
    head = struct.pack(f"<{1 + 2 * len(places)}Q", len(places), *chain(*places))
    assert len(head) <= PAGE
    starts = PAGE + np.cumsum([0, *(size for _, size in places)])
    with (
        Path("/proc/self/mem").open("rb", buffering=0) as memory,
        before.open("wb") as one,
        image.open("wb") as two,
    ):
        two.write(head)
        for (first, size), start in zip(places, starts, strict=False):
            for at, count in touched(first, size):
                part = os.pread(memory.fileno(), count, at)
                assert len(part) == count, (hex(at), count, len(part))
                for file in (one, two):
                    file.seek(int(start) + at - first)
                    file.write(part)
        for file in (one, two):
            file.truncate(int(starts[-1]))
    call(
        [EMULATOR, "-B", hex(GUEST_BASE), str(program), str(image), symbol, str(job), str(thread)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, LIMITED),
    )
    old, new = (np.memmap(file, np.uint32, "r") for file in (before, image))
    for start, end in written(image):
        part = slice(start // 4, end // 4)
        changed = start // 4 + np.flatnonzero(old[part] != new[part])
        for words in np.split(changed, np.flatnonzero(np.diff(changed) > 1) + 1):
            if len(words):
                number = int(np.searchsorted(starts, 4 * words[0], "right")) - 1
                at = places[number][0] + int(4 * words[0] - starts[number])
                ctypes.memmove(at, new[words].tobytes(), 4 * len(words))


def install(folder: Path) -> None:
    """Make the engine load code of `NEON` into the emulator."""
    EmulatedCode.folder = folder
    planning.CALL_WORK = 1  # short calls are functions of Python, which the emulator has not
    machine_code.MachineCode = EmulatedCode
