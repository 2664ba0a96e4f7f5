"""Estimators of raw tables: they own the preparation of columns, and bags of networks."""
