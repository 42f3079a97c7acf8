"""A small cluster of real processes on loopback, behind the same ports that Kubernetes implements."""
