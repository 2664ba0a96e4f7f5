"""Trace formulas with symbols, into graphs of elementary operations."""
