"""The part of gatewayctl that runs inside the process of a suite or a load."""
