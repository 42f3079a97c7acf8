"""The real product, built once from Maven Central into the cache.

`python -m tests.gateways.springcloud.product [VERSION…]` builds it and prints where its jars are.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayctl.gateways.springcloud.jvm_command import command

SOURCES = Path(__file__).parent / "gateway-app"
# By the version of Spring Cloud Gateway: what Maven is told. The circuit breakers of 5.0.3 are not in Maven Central.
VERSIONS = {
    "4.3": ("-Dboot.version=3.5.16", "-Dcloud.version=2025.0.3", "-Pbreakers"),
    "5.0": ("-Dboot.version=4.0.7", "-Dcloud.version=2025.1.3"),
}
_SECONDS = 900
_NEEDED = {
    "java": "a JDK 17 or newer: apt-get install openjdk-17-jdk-headless",
    "mvn": "Maven: apt-get install maven",
}


def missing() -> list[str]:
    """What this machine lacks to build and run the product."""
    return [f"{name} is not on PATH; install {what}" for name, what in _NEEDED.items() if not shutil.which(name)]


def gateway_jar(version: str) -> Path:
    """The jar of one version, built now if it is not there; the test that asks is skipped where that cannot be."""
    lacking = missing()
    if lacking:
        pytest.skip(f"no real Spring Cloud Gateway: {'; '.join(lacking)}")
    return built(version)


def made(version: str) -> Path | None:
    """The jar of one version, all in one file, where it was built already and there is a Java to run it."""
    jar = _folder(version) / "target" / "gateway.jar"
    return jar if shutil.which("java") and (_folder(version) / "done").exists() else None


def built(version: str) -> Path:
    """The jar of one version, with what it starts quickly by; a minute and some 300 MB the first time."""
    told, folder = VERSIONS[version], _folder(version)
    cache, jar = folder.parent, folder / "unpacked" / "gateway.jar"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(SOURCES, folder)
            _build(folder, told, cache / "repository")
            _unpack(folder / "target" / "gateway.jar", jar)
            (folder / "done").touch()
    return jar


def _folder(version: str) -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatewayctl" / "springcloud"
    return cache / f"{version}-{_fingerprint(VERSIONS[version])}"


def _build(folder: Path, told: tuple[str, ...], repository: Path) -> None:
    _run(["mvn", "-q", "-B", f"-Dmaven.repo.local={repository}", *told, "package"], folder)


def _unpack(packed: Path, jar: Path) -> None:
    """Spring Boot's own layout for a quick start: the classes beside the jar, and an archive of those that it loads."""
    _run(["java", "-Djarmode=tools", "-jar", str(packed), "extract", "--destination", str(jar.parent)], packed.parent)
    training = command(jar, "check")
    archive = f"-XX:ArchiveClassesAtExit={jar.with_suffix('.jsa')}"
    _run([training[0], archive, *training[1:], f"--ROUTES_FILE={SOURCES / 'routes.yml'}"], jar.parent)


def _run(words: list[str], folder: Path) -> None:
    ended = subprocess.run(
        words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=_SECONDS, check=False
    )
    if ended.returncode:
        raise AssertionError(
            f"{words[0]} could not build the product:\n{ended.stdout.decode(errors='replace')[-3000:]}"
        )


def _fingerprint(told: tuple[str, ...]) -> str:
    digest = hashlib.sha256(" ".join(told).encode())
    for path in (Path(__file__), *sorted(SOURCES.rglob("*"))):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def main() -> int:
    """Build the versions asked for, or every one; or say what is missing."""
    lacking = missing()
    for line in lacking:
        print(f"NOT BUILT: {line}", file=sys.stderr)  # noqa: T201
    for version in () if lacking else sys.argv[1:] or VERSIONS:
        print(built(version))  # noqa: T201
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
