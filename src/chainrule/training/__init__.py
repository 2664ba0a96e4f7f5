"""Training is a generator of epochs: where rows come from, in which order, and when to stop."""
