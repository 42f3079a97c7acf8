"""Journals that an earlier version wrote, and the world as its process left it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayctl.domain.release import Release
from gatewayctl.domain.routing import SourceFile
from tests.fakes.world import Deployment, Pod, World

GOLDEN = Path(__file__).parent.parent / "golden" / "journals"


@dataclass(frozen=True)
class Stop:
    """A release that was stopped: the file that tells of it, and which of its worlds is found by who takes it up."""

    file: Path
    world_number: int

    def __str__(self) -> str:
        return f"{self.file.relative_to(GOLDEN).with_suffix('')}-{self.world_number}"

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text())
        return found

    def world(self, release: Release) -> World:
        """The world some time after the stop: what was written is everywhere, every pod that runs is ready."""
        found = self.data["worlds"][self.world_number]
        return World(
            time=found["seconds"],
            standing=release.standing,
            deployments={name: _deployment(name, **one) for name, one in found["deployments"].items()},
            published=[(-1000.0, (SourceFile("routes.txt", found["routes"]),))],
        )


def _deployment(name: str, image: str, replicas: int) -> Deployment:
    pods = [Pod(f"{name}-{number:05x}", image, -1000.0) for number in range(0xF0000, 0xF0000 + replicas)]
    return Deployment(image, replicas, pods=pods)


def stops(folder: str) -> list[Stop]:
    """Every stop in a folder of `GOLDEN`, once per world."""
    files = sorted((GOLDEN / folder).rglob("*.json"))
    return [Stop(file, number) for file in files for number in range(len(json.loads(file.read_text())["worlds"]))]
