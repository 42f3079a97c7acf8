"""I5 on a real cluster: SIGKILL before and after every write of a release, and another process completes it.

The process that is killed is the command itself: a proxy between it and the API server kills it when a write arrives,
or after it was done. What is killed before write N is resumed, what is killed after it is aborted; so every state that
lies between two writes is both resumed and aborted, from a folder that has nothing but access to the cluster.
"""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.place import entered
from tests.e2e.proxy import Deed, Request, proxied
from tests.e2e.shop_cluster import Done, Town
from tests.e2e.watcher import watching

APPS = ("orders", "payments")
USAGE = 2  # exit code: there is no release in progress
LEAST_WRITES = 15
_KEPT_OUT = ("/events", "/pods/")  # told, and nudges: after each of them the cluster's state is as it was before


def counts(request: Request) -> bool:
    """Whether it is a write of the journal, the route files or a Deployment, or takes or gives back the lease."""
    renewed = request.verb == "PUT" and "/leases/" in request.path  # how often depends on how long it takes
    return request.writes and not renewed and not any(part in request.path for part in _KEPT_OUT)


@dataclass
class Fuse:
    """What a proxy does: kills at write `at`, before or after it is done; -1: never."""

    at: int = -1
    deed: Deed = Deed.KILL
    writes: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Deed:
        if not counts(request):
            return Deed.FORWARD
        self.writes.append(request)
        return self.deed if len(self.writes) - 1 == self.at else Deed.FORWARD


@dataclass(frozen=True, slots=True)
class Lane:
    """One application, on which one thing at a time is tried."""

    town: Town
    app: str
    folder: Path

    @property
    def config(self) -> Path:
        """The town's configuration without suites: what they do is no write."""
        return self.folder / "short.yaml"

    @property
    def image(self) -> str:
        return self.town.image(self.app)

    @property
    def other(self) -> str:
        """The version that does not run."""
        return f"shop/{self.app}:{'1.0' if self.image.endswith(':1.1') else '1.1'}"

    def release(self, fuse: Fuse) -> Done:
        """A release to its end, or to the death that the fuse gives it."""
        asked = ("release", self.app, "--image", self.other, "--promote", "on-success", "--config", str(self.config))
        with proxied(entered().kubeconfig, self.folder, fuse) as proxy:
            process = self.town.start(*asked, KUBECONFIG=str(proxy.kubeconfig))
            proxy.kill = process.kill
            out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def state(self) -> dict[str, Any] | None:
        """The journal, as it is."""
        return self.town.release_of(self.app)

    def is_whole(self) -> None:
        """Nothing of a release is left."""
        assert f"gatewayctl-{self.app}-canary" not in self.town.routes()
        assert (self.town.replicas(f"{self.app}-canary"), self.town.pods(f"{self.app}-canary")) == (0, [])
        self.town.settle(lambda: self.town.ready(self.town.shop, self.app) == 1, f"{self.app} to be ready")

    def complete(self, how: str) -> Done:
        """What whoever finds it does, from anywhere."""
        return self.town.run(how, self.app, "--namespace", self.town.shop, cwd=self.folder / "elsewhere")

    def try_kill(self, at: int, deed: Deed) -> str:
        """Kill a release at a write; what came of it after the other process, in a few words."""
        before, wanted, last = self.image, self.other, self.state()
        fuse = Fuse(at, deed)
        killed = self.release(fuse)
        assert killed.code == -signal.SIGKILL, killed.said
        found = self.state()
        opened = found is not None and (last is None or found["id"] != last["id"])
        ended = not opened or found["phase"] == "done"
        done = self.complete("resume" if deed is Deed.KILL else "abort")
        now = self.state()
        self.is_whole()
        if ended:
            assert done.code == USAGE, done.said
            assert now == found
            assert self.image == (wanted if opened else before)
            return "nothing was left to do"
        assert done.code == 0, done.said
        assert now is not None
        assert now["phase"] == "done"
        assert now["outcome"] == ("promoted" if deed is Deed.KILL else "aborted"), done.said
        assert self.image == (wanted if now["outcome"] == "promoted" else before)
        return f"{found['phase']} → {now['outcome']}"


@pytest.fixture
def lanes(town: Town, tmp_path: Path) -> tuple[Lane, ...]:
    (tmp_path / "elsewhere").mkdir()
    text = town.config.read_text()
    kept = [line for line in text.splitlines() if not line.strip().startswith(("smoke:", "pytest:", "locust:"))]
    lanes = tuple(Lane(town, app, tmp_path) for app in APPS)
    lanes[0].config.write_text("\n".join(kept) + "\n")
    return lanes


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step",
    [pytest.param(2, id="each in one of two ways"), pytest.param(1, id="each in both ways", marks=pytest.mark.all)],
)
def test_killed_at_every_write_another_process_completes(
    town: Town, lanes: tuple[Lane, ...], capsys: pytest.CaptureFixture[str], step: int
):
    whole = Fuse()
    undisturbed = lanes[0].release(whole)
    assert undisturbed.code == 0, undisturbed.said
    total, begun = len(whole.writes), time.monotonic()
    say("".join([f"\n{total} writes: ", *(f"{one.verb} {one.path.rpartition('/')[2]}, " for one in whole.writes)]))

    def try_all(lane: Lane, deed: Deed, first: int) -> int:
        writes = range(first, total, step)
        for at in writes:
            came = lane.try_kill(at, deed)
            say(f"{time.monotonic() - begun:5.0f} s  {lane.app}: write {at + 1} of {total}, {deed}: {came}")
        return len(writes)

    with capsys.disabled(), watching(town, every=0.4) as watcher:  # it takes minutes: who waits is shown how far it is
        with ThreadPoolExecutor(len(lanes)) as pool:
            tried = list(pool.map(try_all, lanes, (Deed.KILL, Deed.KILL_AFTER), (0, step - 1)))
        watcher.assert_held()
    say(watcher.report)

    assert sum(tried) == 2 * total // step
    assert total >= LEAST_WRITES
    assert watcher.seen["marked answers of the canary"] > 0, watcher.report


def say(text: str) -> None:
    """Progress, for who watches."""
    sys.stderr.write(f"{text}\n")
