"""Questions about a model of a table: which columns count, why a row, where it is wrong."""
