"""A folder that changes as a mounted ConfigMap does, for the tests of real gateways."""

from pathlib import Path

from gatewayctl.domain.routing import Files


class ConfigMapMount:
    """A folder as the kubelet mounts a ConfigMap: its files are links through `..data`, which is replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._number = folder, 0
        folder.mkdir()

    def publish(self, files: Files) -> None:
        """Replace the content."""
        self._number += 1
        fresh = self.folder / f"..{self._number}"
        fresh.mkdir()
        for file in files:
            (fresh / file.name).write_text(file.text, encoding="utf-8")
            if not (self.folder / file.name).is_symlink():
                (self.folder / file.name).symlink_to(f"..data/{file.name}")
        link = self.folder / "..new"
        link.symlink_to(fresh.name)
        link.rename(self.folder / "..data")
