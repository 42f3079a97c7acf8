"""Images without Docker: layers and a configuration as the docker-archives that containerd imports."""

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.layers import FORMAT, Layer, layer_file, written

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Config:
    """How containers of an image start."""

    entrypoint: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    user: str = "65532:65532"
    folder: str = "/"


@dataclass(frozen=True, slots=True)
class Image:
    """An image by all its names (`shop/orders:1.0`), its layers from the bottom up, and its start.

    Among images of one archive, layers of the same label are the same layer.
    """

    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    config: Config


def archive(label: str, images: tuple[Image, ...], folder: Path) -> Path:
    """The docker-archive of these images in `folder`, written unless it is there; images share equal layers.

    It is named by what it is made from, so that what has not changed is neither written nor imported twice.
    """
    layers = {layer.label: layer for image in images for layer in image.layers}
    keys = {label: layer.key() for label, layer in layers.items()}
    facts = [[image.names, [layer.label for layer in image.layers], repr(image.config)] for image in images]
    key = hashlib.sha256(json.dumps([FORMAT, platform.machine(), keys, facts]).encode()).hexdigest()[:16]
    return written(folder, label, key, lambda tar: _fill(tar, images, layers, folder))


def _fill(tar: tarfile.TarFile, images: tuple[Image, ...], known: dict[str, Layer], folder: Path) -> None:
    digests = {}
    for label, layer in known.items():
        file = layer_file(layer, folder)
        digests[label] = _digest(file)
        tar.add(file, f"{digests[label]}.tar", filter=_anonymous)
    manifest = []
    for image in images:
        layers = [digests[layer.label] for layer in image.layers]
        content = json.dumps(_configuration(image.config, layers)).encode()
        name = f"{hashlib.sha256(content).hexdigest()}.json"
        _add(tar, name, content)
        names = [f"{digest}.tar" for digest in layers]
        manifest.append({"Config": name, "RepoTags": list(image.names), "Layers": names})
    _add(tar, "manifest.json", json.dumps(manifest).encode())


def _configuration(config: Config, digests: list[str]) -> dict[str, object]:
    machine = platform.machine()
    return {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "os": "linux",
        "config": {
            "Entrypoint": list(config.entrypoint),
            "Env": [f"{key}={value}" for key, value in config.environment],
            "User": config.user,
            "WorkingDir": config.folder,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
