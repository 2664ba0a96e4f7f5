"""The engine of accelerators: the formulas as they are, compiled by JAX for GPU, TPU and CPU."""
