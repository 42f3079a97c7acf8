"""Kubernetes behind the ports: Deployments, ConfigMaps, Pods and Leases, as plain JSON."""
