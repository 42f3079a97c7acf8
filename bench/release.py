"""What a whole release costs beside the same steps by hand: time, our own time in it, requests to the API server.

Neither runs suites. Both wait for the same Pods, which is most of the time and nobody's merit; so it is also shown
without. The script proves nothing and waits for no gateway: it is the least that anybody could do.
"""

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

from bench.audit import counted
from bench.commands import resident, wall
from bench.figures import Figure, Target, figure
from bench.live import a_rule
from bench.measuring import Broken, gatewayctl, progress, run
from bench.size import Size
from bench.street import KEY, Street, street
from gatewayctl.domain.phases import ROWS
from gatewayctl.domain.release import Phase
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.registry import gateway

PODS = frozenset(row.phase.value for row in ROWS.values() if row.waits_for_pods and row.phase is not Phase.RESTORE)
"""The phases of a promoted release that wait for Pods; what else they do counts as waiting, too."""
_SCRIPT = Path(__file__).parent / "release.sh"
_LABEL = "kubectl script"
_PREFLIGHT = re.compile(r"^✓ preflight .* ([0-9.]+) s$", re.MULTILINE)


@dataclass(slots=True)
class Taken:
    """One value per release: seconds in all, seconds without those that went by waiting for Pods, requests."""

    whole: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    requests: list[Counter[str]] = field(default_factory=list)
    phases: dict[str, list[float]] = field(default_factory=dict)

    def add(self, whole: float, waited: float, requests: Counter[str]) -> None:
        """One more release."""
        self.whole.append(whole)
        self.own.append(whole - waited)
        self.requests.append(requests)


def release(size: Size) -> Iterator[Figure]:
    """Releases by us and by the script in turns, each from the image that the other has left."""
    ours, script = Taken(), Taken()
    with street(1) as built:
        routes = built.routes()
        for number in range(size.releases):
            progress(f"release {number + 1} of {size.releases}")
            _by_us(built, ours)
            _by_script(built, script)
            if built.routes() != routes:
                raise Broken("the routes are not byte for byte as before")
    more = median(one - other for one, other in zip(ours.own, script.own, strict=True))
    whole = figure("release, all of it", "s", ours.whole, (_LABEL, script.whole))
    yield replace(whole, note="without suites; the script waits for no gateway and proves nothing")
    own = figure("release, without waiting for Pods", "s", ours.own, (_LABEL, script.own))
    said = f"{more:.2f} s more than the script, in the median; of ours: {per_phase(ours.phases)}; the rest is Python"
    yield replace(own, target=Target(p95=3.0), note=said)
    asked = figure(
        "API requests per release",
        "requests",
        [float(one.total()) for one in ours.requests],
        (_LABEL, [float(one.total()) for one in script.requests]),
    )
    said = f"gatewayctl {_verbs(ours.requests)}; script {_verbs(script.requests)}"
    yield replace(asked, target=Target(p95=60.0), note=said)


def footprint(size: Size) -> Iterator[Figure]:
    """Wall time of `plan`, and memory of a release, on Kubernetes."""
    with street(1) as built:
        app = built.apps[0]
        here = built.config(app).parent
        asked = gatewayctl("plan", app, "--image", built.other_image(app))
        yield wall("plan (Kubernetes)", asked, here, (size.commands, Target(p95=0.7)))

        def next_release() -> list[str]:
            return gatewayctl(
                "release", app, "--image", built.other_image(app), "--promote", "on-success", "--untested"
            )

        yield resident("memory of a release (Kubernetes)", next_release, here, size.memory)


def per_phase(found: dict[str, list[float]]) -> str:
    """The median seconds of each phase that does not wait for Pods, in their order."""
    parts = [f"{phase} {median(taken):.2f}" for phase, taken in found.items() if phase not in PODS]
    return f"{', '.join(parts)} s"


def waited(notes: list[dict[str, object]]) -> float:
    """Seconds of a release's notes that went by in phases which wait for Pods."""
    return sum(float(str(note["seconds"])) for note in notes if note["phase"] in PODS)


def _by_us(built: Street, taken: Taken) -> None:
    app = built.apps[0]
    image = built.other_image(app)
    asked = gatewayctl("release", app, "--image", image, "--promote", "on-success", "--untested", "-o", "json")
    with counted("OpenAPI-Generator") as requests:
        done = run(asked, built.config(app).parent)
    ended = json.loads(done.out)
    if ended["outcome"] != "promoted":
        raise Broken(f"the release was not promoted: {ended['reason']}")
    taken.add(done.seconds, waited(ended["notes"]), requests)
    # The preflight is no phase of the journal; only its line on stderr tells how long it took.
    checks = _PREFLIGHT.search(done.err)
    before = [{"phase": "preflight", "seconds": float(checks[1])}] if checks else []
    for note in [*before, *ended["notes"]]:
        taken.phases.setdefault(note["phase"], []).append(note["seconds"])


def _by_script(built: Street, taken: Taken) -> None:
    app, place = built.apps[0], built.place()
    folder = built.folder / f"by-hand-{secrets.token_hex(3)}"
    folder.mkdir()
    files = (SourceFile(KEY, built.routes()),)
    (folder / "before.yaml").write_text(files[0].text)
    after = gateway("envoy").dialect.insert(files, a_rule(app)).apply(files)[0]
    (folder / "after.yaml").write_text(after.text)
    argv = ["sh", str(_SCRIPT), built.shop, app, built.other_image(app)]
    with counted("kubectl") as requests:
        done = run([*argv, place.namespace, place.config_map, str(folder)], built.folder, os.environ)
    waits = [float(line.split()[1]) for line in done.out.splitlines() if line.startswith("waited ")]
    if len(waits) != len(PODS):
        raise Broken(f"the script waited {len(waits)} times, not {len(PODS)}")
    taken.add(done.seconds, sum(waits), requests)


def _verbs(found: list[Counter[str]]) -> str:
    """The median per verb, most first."""
    verbs = {verb for one in found for verb in one}
    middle = {verb: median(one[verb] for one in found) for verb in verbs}
    return ", ".join(f"{count:g} {verb}" for verb, count in sorted(middle.items(), key=lambda pair: -pair[1]))
