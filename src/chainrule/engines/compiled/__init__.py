"""The fast engine: the same formulas and the same steps, as machine code for this processor."""
