"""Makes the modules of this folder importable, and prints the table at the end of the run."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


def pytest_terminal_summary(terminalreporter, config):
    table = getattr(config, "foreign_table", None)
    if table:
        terminalreporter.write_sep("=", "algorithm x serialization x library")
        terminalreporter.write_line(table)
