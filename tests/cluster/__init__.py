"""A real Kubernetes of one node for the tests, built from pinned sources, run in a network namespace of its own."""
