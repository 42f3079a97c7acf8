"""Changes a library right after a suite has imported it.

A suite's own environment may have only some of the libraries that we change. So we import none of them ourselves.
"""

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Patch = Callable[[Any], None]


def patch_on_import(patches: Mapping[str, Patch]) -> None:
    """Call each patch with the module of its name: now if the module is imported, else right after its import."""
    waiting = dict(patches)
    for name in [name for name in waiting if name in sys.modules]:
        waiting.pop(name)(sys.modules[name])
    if waiting:
        sys.meta_path.insert(0, _PatchingFinder(waiting))


class Wrappers:
    """Puts wrappers in the place of functions and methods, each once: two modules may share one class."""

    def __init__(self) -> None:
        self._ours: set[object] = set()

    def wrap(self, holder: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace `name` of a module or class by what `make` makes of it, if it is not wrapped yet."""
        real = getattr(holder, name)
        if real not in self._ours:
            wrapper = functools.wraps(real)(make(real))
            self._ours.add(wrapper)
            setattr(holder, name, wrapper)


class _PatchingFinder(MetaPathFinder):
    """Finds modules as the other finders do, and adds the patch."""

    def __init__(self, patches: dict[str, Patch]) -> None:
        self._patches = patches

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The usual spec of a module that is to be patched, with the patch added; None for other modules."""
        patch = self._patches.pop(fullname, None)
        if patch is None:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_patch(module: ModuleType) -> None:
            run(module)
            patch(module)

        spec.loader.exec_module = run_and_patch  # type: ignore[method-assign]
        return spec
