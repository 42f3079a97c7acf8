"""gatewayctl.yaml becomes one frozen spec here; raw dictionaries end at this door."""
