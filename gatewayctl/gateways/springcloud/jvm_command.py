"""The command that runs the jar of a gateway for tests and checks: it starts quickly and needs little memory."""

import shutil
from pathlib import Path

_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def command(jar: Path, *arguments: str) -> tuple[str, ...]:
    """The command line. An archive of classes (JEP 350) beside the jar, named .jsa, halves the time of its start.

    Java itself ignores an archive of another Java or of an older jar; its log of that is switched off, because the
    output is read.
    """
    archive = jar.with_suffix(".jsa")
    shared = ("-Xlog:disable", f"-XX:SharedArchiveFile={archive}") if archive.is_file() else ()
    return (shutil.which("java") or "java", *_OPTIONS, *shared, "-jar", str(jar), *arguments)
