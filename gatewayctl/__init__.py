"""Releases tried by header through the gateway that real traffic uses, and proven on every replica of it."""

__version__ = "0.1.0"
