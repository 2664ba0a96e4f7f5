"""Networks as descriptions, and their parameters as one flat vector."""
