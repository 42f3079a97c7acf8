"""Runs suites and loads in child processes, and reads what they report."""
