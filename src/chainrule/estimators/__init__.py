"""Estimators: the pieces, ready-made for scikit-learn."""
