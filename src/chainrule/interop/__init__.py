"""Interop: model files, tables of mixed columns, and other formats become networks and arrays."""
