"""What gatewayctl costs and gains, measured: every figure with its spread, beside a baseline of the same run."""
