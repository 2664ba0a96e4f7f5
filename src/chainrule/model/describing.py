"""Describe a network as a plain-text table."""

from collections.abc import Sequence

from chainrule.model.parameters import Layout

__all__ = ["layer_table"]

HEAD = ("layer", "inputs", "units", "activation", "initializer", "parameters")
LEFT = (3, 4)


def layer_table(layout: Layout, activations: Sequence[str], initializers: Sequence[str]) -> str:
    """Return a line per layer, and the number of parameters.

    Examples
    --------
    >>> print(layer_table(Layout(((2, 1, True),)), ["linear"], ["zeros"]))
    layer  inputs  units  activation  initializer  parameters
        1       2      1  linear      zeros                 3
    total                                                   3
    """
    rows = [HEAD]
    for number, ((n_in, n_out, bias), activation, initializer) in enumerate(
        zip(layout.shapes, activations, initializers, strict=True), start=1
    ):
        count = f"{n_in * n_out + n_out * bias:,}"
        rows.append((str(number), str(n_in), str(n_out), activation, initializer, count))
    rows.append(("total", "", "", "", "", f"{layout.size:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
