"""Rows in blocks: the protocol of sources, and files and arrays that are read block by block."""
