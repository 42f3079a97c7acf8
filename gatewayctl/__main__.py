"""`python -m gatewayctl`, the same as the `gatewayctl` command."""

from gatewayctl.cli.app import main

if __name__ == "__main__":
    main()
