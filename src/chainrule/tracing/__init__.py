"""Formulas followed with symbols: what they compute, as graphs of plain operations."""
