"""How the jar of a gateway is run where it serves few requests or none: started quickly, in little memory."""

import shutil
from pathlib import Path

_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


def command(jar: Path, *told: str) -> tuple[str, ...]:
    """The command line. An archive of its classes (JEP 350) that stands beside the jar as .jsa halves its start.

    An archive of another Java or of an older jar is passed over by Java itself, which would log that among the answers.
    """
    archive = jar.with_suffix(".jsa")
    shared = ("-Xlog:disable", f"-XX:SharedArchiveFile={archive}") if archive.is_file() else ()
    return (shutil.which("java") or "java", *_OPTIONS, *shared, "-jar", str(jar), *told)
