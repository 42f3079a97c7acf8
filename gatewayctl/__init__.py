"""Releases tried by header through the gateway that real traffic uses, and proven on every replica of it.

PYTEST_DONT_REWRITE: a suite's process imports this package before pytest, which would warn that it is too late to
rewrite its assertions; it has none.
"""

__version__ = "0.1.0"
