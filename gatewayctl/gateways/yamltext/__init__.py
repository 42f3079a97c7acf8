"""Edits of YAML that people wrote: lines of our own are put in and taken out, every other byte stays.

A parser is used to find positions and to make copies, never to write: no YAML library gives back what it read.
"""
