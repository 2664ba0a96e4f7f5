"""Training as a generator of epochs: row sources, row order, and stopping."""
