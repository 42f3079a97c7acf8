"""A small honest cluster on loopback: real processes behind the same ports that Kubernetes implements."""
