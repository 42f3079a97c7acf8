"""What outsiders did (people without compare-and-swap, controllers), and Pods that died: no release is to blame."""

from gatewayctl.domain.routing import Files
from tests.simulation.judge import Judge
from tests.simulation.reasons import CANARY, LASTING
from tests.simulation.tally import Tally
from tests.simulation.views import view_of, without
from tests.simulation.world import APPS, SimWorld

LONG_AGO = -1000.0


class Foreign:
    """`disturbed_at` is when an outsider last disturbed an application's route or canary (seconds).

    The other fields say what of an application is not the work of a release now.
    """

    def __init__(self, world: SimWorld, tally: Tally, judge: Judge) -> None:
        self.world, self.tally, self.judge = world, tally, judge
        self.disturbed_at = dict.fromkeys(APPS, LONG_AGO)
        self.has_rule = dict.fromkeys(APPS, False)  # an outsider put a rule there; it is not ours to blame
        self.rule_versions: set[tuple[str, int]] = set()  # (application, version of the files) with such a rule
        self.lines: set[str] = set()  # applications of which an outsider put back lines that a release wrote
        self.lost_canary = dict.fromkeys(APPS, False)  # an outsider or bad luck took the canary's pod
        self.canary = dict.fromkeys(APPS, False)  # an outsider wrote the canary's Deployment
        self.image: dict[str, str] = {}  # the image that an outsider gave to stable

    def note_route_edit(self, before: Files, after: Files) -> None:
        """Someone who is not a release wrote route files."""
        old, new = view_of(before), view_of(after)
        if (old.rules, old.shares, old.known) != (new.rules, new.shares, new.known):
            self.judge.note_event(LASTING)
        self.lines.update(app for app in APPS if without(after, app) != after)
        for app in APPS:
            if (old.rules.get(app), old.shares.get(app)) != (new.rules.get(app), new.shares.get(app)):
                self.disturbed_at[app] = self.world.time
                self.has_rule[app] = app in new.rules
                self.lost_canary[app] |= app in new.rules and not self.world.ready(f"{app}-canary")
                self.tally.add("rules disturbed by outsiders")

    def note_canary_loss(self, app: str) -> None:
        """A canary pod went away, and no release asked for it."""
        self.judge.note_event(CANARY, f"{app}-canary")
        self.disturbed_at[app] = self.world.time
        self.lost_canary[app] = True

    def note_canary_write(self, app: str) -> None:
        """Someone who is not a release wrote the canary's Deployment."""
        self.note_canary_loss(app)
        self.canary[app] = True

    def note_stable_image(self, app: str, image: str) -> None:
        """Someone who is not a release gave stable an image."""
        self.image[app] = image
        self.judge.note_event(LASTING, app)
