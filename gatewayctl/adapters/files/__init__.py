"""Journal, leases, evidence and plans as files in a folder: a store that every platform can use.

It knows no platform. Several processes on one machine may use the same folder at the same time.
"""
