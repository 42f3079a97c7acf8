"""A second gateway whose rules are API objects: all that it needs is here, and a line in the registry."""
