"""Registries in which a gateway looks up services: one module for each kind, all with one method."""
