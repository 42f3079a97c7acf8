"""Run by every Python that a suite starts, because this folder is the first one on PYTHONPATH.

It lets this Python import the package `gatewayctl`, and nothing else of the Python that gatewayctl itself runs with.
From the moment at which the program imports a library that may send requests, these are marked and counted; other
programs start as fast as before. Then this module runs the module `sitecustomize` that it hides. Tests may start an
older Python, which must not fail here.
"""

import os
import sys

TYPE_CHECKING = False  # typing itself takes long to import
if TYPE_CHECKING:
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = os.path.dirname(os.path.dirname(_HERE))
_OLDEST = (3, 11)  # what the package needs
_SENDING = ("asyncio", "http", "socket", "socketserver", "ssl", "urllib")
_NOT_SENDING = ("gatewayctl", "sitecustomize", "usercustomize")
_RUN_CONTEXT = "GATEWAYCTL_SMOKE_CONTEXT"  # its file is removed when the suite is over


def _offer_package() -> None:
    """Let `import gatewayctl` find the package in which this file is, also where another one is installed."""
    from importlib.machinery import PathFinder

    class OurPackage:
        """Finds the one package, in the folder that holds it."""

        @staticmethod
        def find_spec(name: str, path: "Any" = None, target: "Any" = None) -> "Any":
            """Where the package is; None for every other module."""
            return PathFinder.find_spec(name, [os.path.dirname(_PACKAGE)]) if name == "gatewayctl" else None

    sys.meta_path.insert(0, OurPackage)


def _mark_later() -> None:
    """Mark the requests of this process once it imports a library that may send some.

    It must be before the first of them: a library that is half imported cannot be changed.
    """

    class BeforeLibraries:
        """Is asked first for every module, and finds one only: that with which it begins to mark."""

        @classmethod
        def find_spec(cls, name: str, path: "Any" = None, target: "Any" = None) -> "Any":
            """Begin to mark when such a library is looked for; None for other modules."""
            first = name.partition(".")[0]
            may_send = first in _SENDING or (first not in sys.stdlib_module_names and first not in _NOT_SENDING)
            if not may_send or cls not in sys.meta_path:
                return None
            sys.meta_path.remove(cls)
            _mark()
            # Python goes on with the next finder, and would leave out those that came now.
            found = (finder.find_spec(name, path, target) for finder in sys.meta_path)
            return next(filter(None, found), None)

    sys.meta_path.insert(0, BeforeLibraries)


def _mark() -> None:
    if not os.path.exists(os.environ.get(_RUN_CONTEXT, "")):
        return
    from gatewayctl.child_process.marked_process import mark_process
    from gatewayctl.child_process.run_context import read_run_context

    run_context = read_run_context()
    if run_context:
        mark_process(run_context)


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
        _mark_later()
    _run_hidden()
