"""The report: ten sections on a network, as HTML, text or a dictionary."""
