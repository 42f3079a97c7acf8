"""Prometheus as a source of signals."""
