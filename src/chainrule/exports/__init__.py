"""Fitted models as programs in other languages: ONNX graphs and C files, from the same formulas."""
