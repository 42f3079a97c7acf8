"""The files that a release needs in the cluster: gatewayctl.yaml, suites, authorities, with their paths to each other.

They are sent as a ConfigMap, whose size is limited; so hidden files, compiled files, and files outside the folders of
the suites are left out.
"""

import base64
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gatewayctl.adapters.kubernetes.client.api import Object
from gatewayctl.domain.errors import UsageFault

LARGEST = 900_000  # bytes; the API server refuses a ConfigMap beyond 1 MiB
_PATH_COSTS = 400  # bytes that a file needs at most beside its content, for its key and its path in the Job
_PYTESTS = ("conftest.py", "pytest.ini", "__init__.py")  # what pytest also reads in the folders above a suite


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files, as pairs of a path below one folder and the content; `config` is the path of the gatewayctl.yaml."""

    config: str
    files: tuple[tuple[str, bytes], ...]

    @property
    def content(self) -> Object:
        """`data` and `binaryData` of a ConfigMap that holds them."""
        texts: dict[str, str] = {}
        others: dict[str, str] = {}
        for (_, data), key in zip(self.files, self._keys, strict=True):
            text = _text(data)
            if text is None:
                others[key] = base64.b64encode(data).decode()
            else:
                texts[key] = text
        return {"data": texts, "binaryData": others}

    @property
    def items(self) -> list[Object]:
        """`items` of a volume of that ConfigMap: the path of each file."""
        return [{"key": key, "path": path} for (path, _), key in zip(self.files, self._keys, strict=True)]

    @property
    def _keys(self) -> list[str]:
        return [f"{place}-{re.sub(r'[^-._a-zA-Z0-9]', '_', path)}"[:200] for place, (path, _) in enumerate(self.files)]


def bundle(config: Path, text: str, suites: Iterable[str], single: Iterable[str] = ()) -> Bundle:
    """`text` as the content of the file `config`, with the folders of `suites` and the `single` files.

    A path outside the configuration's folder that is absolute is left out: it must be in the image. Raises UsageFault
    when they are too large.
    """
    place = Path(os.path.abspath(config))  # noqa: PTH100 (`..` is taken away, links stay)
    folders = [_folder(suite) for suite in suites if _is_sent(suite, config.parent)]
    alone = {Path(os.path.abspath(file)) for file in single if _is_sent(file, config.parent.absolute())}  # noqa: PTH100
    base = Path(os.path.commonpath([place.parent, *folders, *(file.parent for file in alone)]))
    found = {place: text.encode()}
    room = LARGEST - _cost(found[place])
    below = {file for folder in folders for file in (*_below(folder), *_above(folder, base))}
    for file in sorted((below | alone) - {place}):
        found[file] = _read(file)
        room -= _cost(found[file])
        if room < 0:
            raise UsageFault(
                f"{', '.join(sorted({str(folder) for folder in folders}))}: larger than {LARGEST // 1000} kB, "
                "which is what a ConfigMap can take into the cluster",
                hint="put the suites into an image made from gatewayctl's, name it as platform.runner.image, "
                "and give their absolute paths there",
            )
    files = sorted((path.relative_to(base).as_posix(), data) for path, data in found.items())
    return Bundle(place.relative_to(base).as_posix(), tuple(files))


def _is_sent(suite: str, folder: Path) -> bool:
    return not Path(suite).is_absolute() or (folder.is_absolute() and Path(suite).is_relative_to(folder))


def _folder(suite: str) -> Path:
    """The suite itself where it is a folder, else the folder that holds it. Raises UsageFault when there is none."""
    path = Path(os.path.abspath(suite.partition("::")[0]))  # noqa: PTH100
    if not path.exists():
        raise UsageFault(f"{suite} does not exist", hint="correct its path in gatewayctl.yaml")
    return path if path.is_dir() else path.parent


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        for name in names:
            file = Path(place) / name
            if not name.startswith(".") and file.suffix != ".pyc" and file.is_file():
                yield file


def _above(folder: Path, base: Path) -> Iterator[Path]:
    for parent in folder.parents:
        if not parent.is_relative_to(base):
            return
        yield from (parent / name for name in _PYTESTS if (parent / name).is_file())


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as fault:
        raise UsageFault(f"{file}: cannot be read: {fault.strerror}") from fault


def _cost(data: bytes) -> int:
    return _PATH_COSTS + (len(data) if _text(data) is not None else len(data) * 4 // 3)


def _text(data: bytes) -> str | None:
    """The data as text; None for data that a ConfigMap cannot hold as text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
