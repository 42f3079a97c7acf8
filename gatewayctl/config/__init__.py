"""Reads gatewayctl.yaml into one frozen spec; no other package gets its raw dictionaries."""
