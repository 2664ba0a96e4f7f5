"""App: the command line. Nothing imports from here."""
