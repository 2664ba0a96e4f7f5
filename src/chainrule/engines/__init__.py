"""Engines: the readable reference engine and the fast compiled engine, behind one protocol."""
