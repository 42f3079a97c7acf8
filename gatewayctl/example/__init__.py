"""The worked example: a shop behind a gateway. The demo, the end-to-end tests and the docs all use these same files."""

from pathlib import Path


def example_folder() -> Path:
    """The folder that holds `gateway-config/` and `smoke/`: this package when installed, the checkout otherwise."""
    here = Path(__file__).parent
    return here if (here / "gateway-config").is_dir() else here.parents[1]
