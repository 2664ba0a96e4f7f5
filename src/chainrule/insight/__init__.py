"""Explanations and measurements of a network, with their reports."""
