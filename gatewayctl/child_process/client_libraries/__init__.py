"""One module for each client library: where it sends requests, the header is added, and the answer is counted.

Nothing here imports a library; each function is given the module that the suite imported.
"""
