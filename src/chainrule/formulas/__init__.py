"""Pure mathematics: each concept is one record of formulas, in one block of one file."""
