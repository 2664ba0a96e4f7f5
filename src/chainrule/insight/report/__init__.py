"""The report: ten parts from one record of a run, written as HTML, as text or as a dictionary."""
