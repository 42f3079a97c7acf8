"""Run by every Python that a suite starts, because this folder is the first one on PYTHONPATH.

It lets this Python import the package `gatewayctl`, and nothing else of the Python that gatewayctl itself runs with.
Then it runs the module `sitecustomize` that it hides. Tests may start an older Python, which must not fail here.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))
_OLDEST = (3, 11)  # what the package needs


def _offer_package() -> None:
    """Let `import gatewayctl` find the package in which this file is, also where another one is installed."""
    from importlib.machinery import PathFinder

    class OurPackage:
        """Finds the one package, in the folder that holds it."""

        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> object:
            """Where the package is; None for every other module."""
            return PathFinder.find_spec(name, [os.path.dirname(_PACKAGE)]) if name == "gatewayctl" else None

    sys.meta_path.insert(0, OurPackage)  # type: ignore[arg-type]


def _run_hidden() -> None:
    """Import the module of this name that Python would have found without this folder, if there is one."""
    ours = sys.modules.pop(__name__)
    places = sys.path[:]
    sys.path[:] = [place for place in places if os.path.abspath(place) != _HERE]
    try:
        __import__(__name__)
    except ImportError as error:
        sys.modules[__name__] = ours
        if error.name != __name__:
            raise
    finally:
        sys.path[:] = places


if __name__ == "sitecustomize":
    if sys.version_info >= _OLDEST:
        _offer_package()
    _run_hidden()
