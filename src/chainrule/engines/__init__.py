"""Engines answer the same questions about a network: the readable one, and the fast one."""
