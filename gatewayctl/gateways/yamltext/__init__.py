"""Edits YAML that people wrote: our lines are inserted and removed, every other byte stays.

A parser finds positions and makes copies, but never writes: no YAML library writes exactly what it read.
"""
