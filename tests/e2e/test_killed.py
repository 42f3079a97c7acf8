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
from tests.e2e.proxy import Disruption, Request, proxied
from tests.e2e.shop_cluster import Done, ShopCluster
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
class KillSwitch:
    """What a proxy does: kills at write `at`, before or after it is done; -1: never."""

    at: int = -1
    disruption: Disruption = Disruption.KILL
    writes: list[Request] = field(default_factory=list)

    def __call__(self, request: Request) -> Disruption:
        if not counts(request):
            return Disruption.FORWARD
        self.writes.append(request)
        return self.disruption if len(self.writes) - 1 == self.at else Disruption.FORWARD


@dataclass(frozen=True, slots=True)
class AppUnderTest:
    """One application, on which one thing at a time is tried."""

    cluster: ShopCluster
    app: str
    folder: Path

    @property
    def config(self) -> Path:
        """The example's configuration without suites: these write nothing."""
        return self.folder / "short.yaml"

    @property
    def image(self) -> str:
        return self.cluster.image(self.app)

    @property
    def other(self) -> str:
        """The version that does not run."""
        return f"shop/{self.app}:{'1.0' if self.image.endswith(':1.1') else '1.1'}"

    def release(self, kill_switch: KillSwitch) -> Done:
        """A release to its end, or to until the kill switch kills it."""
        asked = (
            "release",
            self.app,
            "--image",
            self.other,
            "--promote",
            "on-success",
            "--untested",
            "--config",
            str(self.config),
        )
        with proxied(entered().kubeconfig, self.folder, kill_switch) as proxy:
            process = self.cluster.start(*asked, KUBECONFIG=str(proxy.kubeconfig))
            proxy.kill = process.kill
            out, err = process.communicate(timeout=120)
        return Done(process.returncode, out, err)

    def state(self) -> dict[str, Any] | None:
        """The journal, as it is."""
        return self.cluster.release_of(self.app)

    def is_whole(self) -> None:
        """Nothing of a release is left."""
        assert f"gatewayctl-{self.app}-canary" not in self.cluster.routes()
        assert (self.cluster.replicas(f"{self.app}-canary"), self.cluster.pods(f"{self.app}-canary")) == (0, [])
        self.cluster.settle(lambda: self.cluster.ready(self.cluster.shop, self.app) == 1, f"{self.app} to be ready")

    def complete(self, how: str) -> Done:
        """What whoever finds it does, from anywhere."""
        return self.cluster.run(how, self.app, "--namespace", self.cluster.shop, cwd=self.folder / "elsewhere")

    def try_kill(self, at: int, disruption: Disruption) -> str:
        """Kill a release at a write; what came of it after the other process, in a few words."""
        before, wanted, last = self.image, self.other, self.state()
        kill_switch = KillSwitch(at, disruption)
        killed = self.release(kill_switch)
        assert killed.code == -signal.SIGKILL, killed.said
        found = self.state()
        opened = found is not None and (last is None or found["id"] != last["id"])
        ended = not opened or found["phase"] == "done"
        done = self.complete("resume" if disruption is Disruption.KILL else "abort")
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
        assert now["outcome"] == ("promoted" if disruption is Disruption.KILL else "aborted"), done.said
        assert self.image == (wanted if now["outcome"] == "promoted" else before)
        return f"{found['phase']} → {now['outcome']}"


@pytest.fixture
def apps(cluster: ShopCluster, tmp_path: Path) -> tuple[AppUnderTest, ...]:
    (tmp_path / "elsewhere").mkdir()
    text = cluster.config.read_text()
    kept = [line for line in text.splitlines() if not line.strip().startswith(("smoke:", "pytest:", "locust:"))]
    apps = tuple(AppUnderTest(cluster, app, tmp_path) for app in APPS)
    apps[0].config.write_text("\n".join(kept) + "\n")
    return apps


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step",
    [pytest.param(2, id="each in one of two ways"), pytest.param(1, id="each in both ways", marks=pytest.mark.all)],
)
def test_killed_at_every_write_another_process_completes(
    cluster: ShopCluster, apps: tuple[AppUnderTest, ...], capsys: pytest.CaptureFixture[str], step: int
):
    whole = KillSwitch()
    undisturbed = apps[0].release(whole)
    assert undisturbed.code == 0, undisturbed.said
    total, begun = len(whole.writes), time.monotonic()
    say("".join([f"\n{total} writes: ", *(f"{one.verb} {one.path.rpartition('/')[2]}, " for one in whole.writes)]))

    def try_all(one: AppUnderTest, disruption: Disruption, first: int) -> int:
        writes = range(first, total, step)
        for at in writes:
            came = one.try_kill(at, disruption)
            say(f"{time.monotonic() - begun:5.0f} s  {one.app}: write {at + 1} of {total}, {disruption}: {came}")
        return len(writes)

    # It takes minutes: the progress is shown to the person who waits.
    with capsys.disabled(), watching(cluster, every=0.4) as watcher:
        with ThreadPoolExecutor(len(apps)) as pool:
            tried = list(pool.map(try_all, apps, (Disruption.KILL, Disruption.KILL_AFTER), (0, step - 1)))
        watcher.assert_held()
    say(watcher.report)

    assert sum(tried) == 2 * total // step
    assert total >= LEAST_WRITES
    assert watcher.seen["marked answers of the canary"] > 0, watcher.report


def say(text: str) -> None:
    """Progress, for who watches."""
    sys.stderr.write(f"{text}\n")
