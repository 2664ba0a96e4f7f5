"""Choose the block size: the rows that go through all layers together."""

from chainrule.engines.compiled.caches import second_level_bytes
from chainrule.engines.compiled.memory import round_up

__all__ = ["is_copied", "panels_together", "rows_of_block", "shared_rows_of_block"]

# Rows of a block: its activations stay in the caches of one core. Twice as many read the weights
# half as often: with a second-level cache of 1 MB, steps take 0.97 (20-64-64-2 at 256 rows) to 1.01
# of the time on vectors of 512 bits, and 0.99 to 1.0 on those of 256. Where their activations do
# not fit that cache, as those of 784-1024-1024-10, a step takes 1.02 to 1.06 of the time instead.
BLOCK, LARGE_BLOCK = 48, 96
# The second-level cache that a large block wants.
LARGE_CACHE = 1 << 20
# Columns from which the second phase gets a copy of a matrix, a few columns together, on vectors of
# up to 256 bits: a step of 784-1024-1024-10 at 1024 rows takes 0.86 of the time, and 256 columns
# are not worth it yet.
WIDE = 320
# On 512-bit vectors a panel takes three cache lines of each row instead of one. With 1 MB of
# second-level cache, steps of 784 to 12,000 inputs take 0.92 to 0.99 of the time without copies.
# With 2 MB, steps of 784-1024-1024-10 at 1024 rows take 0.93 of the time with copies of matrices
# that this cache does not hold; those of 784 inputs that three panels read, 1.06.
COPY_CACHE, COPY_TIMES = 2 << 20, 8
# Overhead of a block, in rows.
BLOCK_COST = 4.0


def _most_rows(row_bytes: int) -> int:
    """Return the most rows of a block on this processor."""
    size = second_level_bytes()
    return LARGE_BLOCK if size >= max(LARGE_CACHE, LARGE_BLOCK * row_bytes) else BLOCK


def rows_of_block(rows: int, lanes: int, row_bytes: int = 0) -> int:
    """Return the block size for one thread: whole vectors, as formulas may take a row per lane.

    The activations of a row take so many bytes. Products that want more rows together than a vector
    has numbers give that number as ``lanes``.
    """
    wanted = round_up(rows, lanes)
    return wanted if wanted <= BLOCK else min(_whole(_most_rows(row_bytes), lanes), wanted)


def _whole(rows: int, lanes: int) -> int:
    return max(rows // lanes, 1) * lanes


def shared_rows_of_block(rows: int, threads: int, lanes: int, row_bytes: int = 0) -> int:
    """Return the block size that balances a batch across threads.

    256 rows in blocks of 48 are 144 for one of two threads, in blocks of 32 they are 128; but a
    smaller block reads all weights for fewer rows.
    """

    def cost(block: int) -> float:
        turns, left = divmod(-(-rows // block), threads)
        most = turns * block + min(left, 1) * (block if left > 1 else (rows - 1) % block + 1)
        return (most if threads > 1 else rows) * (1.0 + BLOCK_COST / block)

    return min(range(rows_of_block(rows, lanes, row_bytes), 0, -lanes), key=cost)


def panels_together(panel_bytes: int) -> int:
    """Return of how many panels the derivatives stay near the core while strips of inputs go by.

    With products in matrix registers, and a second-level cache of 2 MB, the weight gradients of
    784-1024-1024-10 at 1024 rows take 0.77 of the time in groups of a quarter of the cache.
    """
    return max((second_level_bytes() or LARGE_CACHE) // (4 * panel_bytes), 1)


def is_copied(columns: int, size: int, times: int, vector_bytes: int) -> bool:
    """Return whether the second phase gets a copy of a matrix of a batch, of so many bytes.

    It is read once per panel, or per strip of inputs: so many times.
    """
    if vector_bytes < 64:
        return columns >= WIDE
    cache = second_level_bytes()
    return cache >= COPY_CACHE and size > cache and times >= COPY_TIMES
