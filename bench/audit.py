"""What was asked of the API server, counted by itself: its audit log has a line for every request of a client."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measuring import Broken
from tests.cluster.place import entered

_SETTLE = 1.0  # seconds in which the end of a watch is written, after whoever watched has gone


@contextmanager
def counted(agent: str) -> Iterator[Counter[str]]:
    """Requests per verb of everybody whose user agent begins with `agent`, filled in at the end. Raises Broken."""
    log = entered().logs / "audit.log"
    if not log.exists():
        raise Broken(f"the API server of this cluster keeps no {log}")
    begin, found = log.stat().st_size, Counter[str]()
    yield found
    time.sleep(_SETTLE)
    found.update(verbs(log, begin, agent))
    if not found:
        raise Broken(f"{log} has no request of {agent}")


def verbs(log: Path, begin: int, agent: str) -> Counter[str]:
    with log.open("rb") as content:
        content.seek(begin)
        events = [json.loads(line) for line in content if line.endswith(b"\n")]
    # A request may have two lines, where its answer begins and where it ends.
    asked = {event["auditID"]: event["verb"] for event in events if event.get("userAgent", "").startswith(agent)}
    return Counter(asked.values())
