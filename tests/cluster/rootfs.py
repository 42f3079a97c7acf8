"""What goes into images from this machine: the running Python, installed packages, what programs link to.

Everything keeps the path it has here, so whatever Python this is (Debian's, pyenv's, CI's) finds its own parts again.
"""

import importlib.metadata
import re
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.cluster.layers import Entry, Layer, copies

PYTHON = "/usr/local/bin/python3"  # in the images
USER = 65532
_UNUSED = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
}
_UNUSED_PACKAGES = ("kubernetes/aio/",)  # as large as all others together
_UNUSED_JAVA = {"src.zip", "ct.sym"}  # what only a compiler needs
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_LOOKS_UP_NAMES = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")  # opened by name, where libc lacks them
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+(?: ?\[[^\]]*\])?")
_EXTRA = re.compile(r"""extra == ['"]([^'"]+)['"]""")
_COMPILED = f".{sys.implementation.cache_tag}.pyc"


def base() -> Layer:
    """What every image has: users, where names are looked up, and a place for temporary files."""
    users = f"root:x:0:0:root:/root:/sbin/nologin\ngatewayctl:x:{USER}:{USER}:gatewayctl:/tmp:/sbin/nologin\n"
    return Layer(
        "base",
        (
            Entry("etc/passwd", content=users.encode()),
            Entry("etc/group", content=f"root:x:0:\ngatewayctl:x:{USER}:\n".encode()),
            Entry("etc/nsswitch.conf", content=b"hosts: files dns\n"),
            Entry("tmp", stat.S_IFDIR | 0o1777),
        ),
    )


def python() -> Layer:
    """The interpreter that runs this, with its standard library."""
    binary = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    folders = {Path(sysconfig.get_path(name, vars=_base())) for name in ("stdlib", "platstdlib")}
    files = {str(file): file for folder in sorted(folders) for file in _files(folder)}
    entries = (*copies([*_counted(files), (str(binary), binary)]), Entry(PYTHON.lstrip("/"), target=str(binary)))
    return Layer("python", entries, lambda: copies([*_compiled(files), *libraries([binary, *_extensions(files)])]))


def java(home: Path) -> Layer:
    """The Java virtual machine whose folder is `home`, at the same place."""
    folders = (home / "lib", home / "conf")
    files = {str(file): file for folder in folders for file in _files(folder) if file.name not in _UNUSED_JAVA}
    binaries = [home / "bin" / "java", *_extensions(files)]
    files[str(binaries[0])] = binaries[0]
    return Layer("java", copies(files.items()), lambda: copies(libraries(binaries)))


def program(label: str, path: str, source: Path) -> Layer:
    """One program of this machine at `path`, with what it is linked with."""
    return Layer(label, copies([(path, source)]), lambda: copies(libraries([source])))


def libraries(binaries: Iterable[Path]) -> tuple[tuple[str, Path], ...]:
    """The shared libraries of these files, as `ldd` finds them: the path each is looked for at, and the file."""
    done = subprocess.run(["ldd", *binaries], capture_output=True, text=True)  # noqa: S607 (wherever the host has it)
    found = {match[1]: Path(match[1]) for match in _LIBRARY.finditer(done.stdout)}
    libc = next((path for path in found.values() if path.name == "libc.so.6"), None)
    extra = [libc.parent / name for name in _LOOKS_UP_NAMES] if libc else []
    found.update((str(path), path) for path in extra if path.exists())
    return tuple(sorted(found.items()))


def packages(names: Iterable[str], into: str) -> Layer:
    """All that these distributions need to be installed, except gatewayctl itself, in the folder `into`."""
    files = {}
    for distribution in needed(names):
        for file in distribution.files or ():
            located = Path(str(distribution.locate_file(file)))
            if ".." not in file.parts and not str(file).startswith(_UNUSED_PACKAGES) and located.is_file():
                files[f"{into}/{file}"] = located
    return Layer("packages", copies(_counted(files)), lambda: copies([*_compiled(files), *_linked(files)]))


def _linked(files: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """What extension modules need that they do not bring along."""
    brought = {str(file) for file in files.values()}
    return ((path, file) for path, file in libraries(_extensions(files)) if path not in brought)


def needed(names: Iterable[str]) -> tuple[importlib.metadata.Distribution, ...]:
    """These distributions and what they require, directly or not; what is not installed here is not required here."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting, seen = list(names), set()
    while waiting:
        requirement = waiting.pop()
        name = canonical(requirement)
        distribution = None if requirement in seen else _installed(name)
        seen.add(requirement)
        if distribution:
            found[name] = distribution
            waiting += requirements(distribution.requires or (), _extras(requirement))
    return tuple(found[name] for name in sorted(found) if name != "gatewayctl")


def requirements(lines: Iterable[str], extras: frozenset[str]) -> tuple[str, ...]:
    """The names (with extras) that apply, out of the lines of a distribution's metadata."""
    applying = (line for line in lines if (asked := _EXTRA.search(line)) is None or asked[1] in extras)
    return tuple(match[0].replace(" ", "") for line in applying if (match := _REQUIREMENT.match(line)))


def canonical(requirement: str) -> str:
    """A distribution's name as all its spellings share it, without extras."""
    return re.sub(r"[-_.]+", "-", requirement.partition("[")[0]).lower()


def _extras(requirement: str) -> frozenset[str]:
    return frozenset(requirement.partition("[")[2].rstrip("]").split(","))


def _installed(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _base() -> dict[str, str]:
    return {
        "base": sys.base_prefix,
        "platbase": sys.base_exec_prefix,
        "installed_base": sys.base_prefix,
        "installed_platbase": sys.base_exec_prefix,
    }


def _extensions(files: dict[str, Path]) -> list[Path]:
    return [file for file in files.values() if ".so" in file.suffixes]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name not in _UNUSED and not path.name.startswith("config-"):
                yield from _files(path)
        elif path.is_file():
            yield path


def _counted(files: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    return ((path, file) for path, file in files.items() if file.suffix != ".pyc")


def _compiled(files: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Compiled modules start sooner, but appear whenever something is imported: they make no difference."""
    return ((path, file) for path, file in files.items() if file.name.endswith(_COMPILED))
