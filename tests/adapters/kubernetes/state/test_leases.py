"""The Lease object: how many requests it costs, which holders count as alive, and what lost answers do to it."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api, Object
from gatewayctl.adapters.kubernetes.client.paths import leases
from gatewayctl.adapters.kubernetes.state.leases import KubernetesLeases
from gatewayctl.domain.errors import Busy, Transient
from gatewayctl.domain.platform import Holder
from tests.adapters.kubernetes.fake_api.http import failure
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, no_reply

PATH = leases("shop", "gatewayctl-orders")
ME = Holder("zoë", "one.example", 11, 1_700_000_000.123456789)
YOU = Holder("ci", "two.example", 22, 1_700_000_001.0)


@dataclass
class Time:
    """A machine's clocks; each machine has its own."""

    monotonic: float = 100.0
    epoch: float = 1_700_000_000.0

    def now(self) -> float:
        return self.monotonic

    def wall(self) -> float:
        return self.epoch

    def sleep(self, seconds: float) -> None:
        self.monotonic, self.epoch = self.monotonic + seconds, self.epoch + seconds


@dataclass
class Place:
    server: FakeApiServer
    api: Api

    def machine(self, skew: float = 0.0) -> tuple[KubernetesLeases, Time]:
        """Leases as one machine sees them."""
        time = Time(epoch=1_700_000_000.0 + skew)
        return KubernetesLeases(self.api, "shop", time, ttl=15.0), time

    @property
    def kept(self) -> Object:
        return self.server.objects[PATH]


@pytest.fixture
def place(server: FakeApiServer, api: Api) -> Place:
    return Place(server, api)


def test_a_whole_life_costs_one_request_each_and_renewals_only_each_third_of_the_time(place: Place) -> None:
    mine, time = place.machine()
    mine.acquire("orders", ME)
    for _ in range(12):
        time.sleep(1)
        mine.renew("orders", ME)
    mine.release("orders", ME)

    assert place.server.verbs() == ["POST", "PUT", "PUT", "DELETE"]
    assert place.server.objects == {}


def test_what_others_read_in_it(place: Place) -> None:
    mine, time = place.machine()
    mine.acquire("orders", ME)
    time.sleep(6)
    mine.renew("orders", ME)

    assert place.kept["spec"] == {
        "holderIdentity": "zoë on one.example (pid 11)",
        "acquireTime": "2023-11-14T22:13:20.000000Z",
        "renewTime": "2023-11-14T22:13:26.000000Z",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
    }
    assert place.kept["metadata"]["labels"]["gatewayctl.dev/app"] == "orders"
    assert mine.holder("orders") == ME


def test_a_takeover_is_counted(place: Place) -> None:
    mine, time = place.machine()
    mine.acquire("orders", ME)
    time.sleep(16)
    mine.acquire("orders", YOU)

    assert place.kept["spec"]["leaseTransitions"] == 1
    assert place.kept["spec"]["acquireTime"] == place.kept["spec"]["renewTime"]
    assert place.kept["spec"]["renewTime"].startswith("2023-11-14T22:13:36.")


def test_an_edit_by_hand_does_not_end_a_lease(place: Place) -> None:
    mine, time = place.machine()
    mine.acquire("orders", ME)
    place.server.edit(PATH, lambda found: found["metadata"]["annotations"].update(team="shop"))
    time.sleep(6)
    mine.renew("orders", ME)
    assert place.kept["metadata"]["annotations"]["team"] == "shop"

    place.server.edit(PATH, lambda found: found["metadata"]["annotations"].update(team="other"))
    mine.release("orders", ME)
    assert place.server.objects == {}


def test_a_process_that_wakes_up_late_does_not_give_back_a_lease_that_another_one_took(place: Place) -> None:
    (mine, _), (yours, your_time) = place.machine(), place.machine()
    mine.acquire("orders", ME)
    your_time.sleep(16)
    yours.acquire("orders", YOU)

    mine.release("orders", ME)

    assert yours.holder("orders") == YOU


@pytest.mark.parametrize("fault", ["lose", "drop"])
def test_a_lost_answer_changes_nothing_in_the_end(place: Place, fault: str) -> None:
    mine, time = place.machine()
    setattr(place.server, fault, 1)
    mine.acquire("orders", ME)
    assert mine.holder("orders") == ME

    time.sleep(6)
    setattr(place.server, fault, 1)
    mine.renew("orders", ME)
    assert place.kept["spec"]["renewTime"].startswith("2023-11-14T22:13:26.")

    setattr(place.server, fault, 1)
    mine.release("orders", ME)
    assert place.server.objects == {}


def test_a_lease_whose_answer_was_lost_is_recognised_and_not_written_twice(place: Place) -> None:
    mine, time = place.machine()
    place.server.lose = 1
    mine.acquire("orders", ME)
    time.sleep(6)
    place.server.lose = 1
    mine.renew("orders", ME)

    assert place.server.verbs() == ["POST", "GET", "PUT", "GET"]


@pytest.mark.parametrize("status", [500, 503])
def test_writes_that_fail_for_a_moment_are_no_takeover(place: Place, status: int) -> None:
    """s18: etcd has no leader for a moment; reads work, and nobody else is there."""
    mine, time = place.machine()
    mine.acquire("orders", ME)
    time.sleep(6)
    place.server.verbs()
    place.server.before_write = lambda _: failure(status, "etcdserver: leader changed")
    with pytest.raises(Transient, match="leader changed"):
        mine.renew("orders", ME)
    assert place.server.verbs().count("PUT") <= 5

    place.server.before_write = no_reply
    mine.renew("orders", ME)

    assert mine.holder("orders") == ME


def test_a_lease_that_others_edit_before_each_write_is_not_called_another_ones(place: Place) -> None:
    """s18: Busy names a holder, and is raised only after one was read."""
    mine, time = place.machine()
    mine.acquire("orders", ME)
    time.sleep(6)
    place.server.before_write = lambda _: failure(409, "the object has been modified")

    with pytest.raises(Transient, match="others change it all the time"):
        mine.renew("orders", ME)


def test_a_lease_that_cannot_be_given_back_expires_and_raises_nothing(place: Place) -> None:
    mine, _ = place.machine()
    mine.acquire("orders", ME)
    place.server.drop = 100

    mine.release("orders", ME)

    assert place.kept["spec"]["holderIdentity"] == str(ME)


def test_a_live_holder_whose_clock_is_behind_keeps_its_lease_while_it_is_watched(place: Place) -> None:
    (mine, my_time), (yours, your_time) = place.machine(skew=-10), place.machine()
    mine.acquire("orders", ME)
    with pytest.raises(Busy):
        yours.acquire("orders", YOU)
    for _ in range(5):
        my_time.sleep(6)
        your_time.sleep(6)
        mine.renew("orders", ME)
        assert yours.holder("orders") == ME
        my_time.sleep(5.5)
        your_time.sleep(5.5)
        assert yours.holder("orders") == ME  # although the renewal is 15.5 seconds old by your clock


def test_a_dead_holder_whose_clock_was_far_ahead_is_waited_for_only_once_its_time(place: Place) -> None:
    (mine, _), (yours, your_time) = place.machine(skew=+86_400), place.machine()
    mine.acquire("orders", ME)
    with pytest.raises(Busy):
        yours.acquire("orders", YOU)
    your_time.sleep(14)
    with pytest.raises(Busy):
        yours.acquire("orders", YOU)

    your_time.sleep(2)
    yours.acquire("orders", YOU)

    assert yours.holder("orders") == YOU


def test_a_fresh_process_does_not_wait_for_a_lease_of_long_ago(place: Place) -> None:
    (mine, _), (yours, _) = place.machine(skew=-60), place.machine()
    mine.acquire("orders", ME)

    yours.acquire("orders", YOU)

    assert yours.holder("orders") == YOU


def test_a_clock_that_was_set_back_renews_at_once(place: Place) -> None:
    mine, time = place.machine()
    mine.acquire("orders", ME)
    time.epoch -= 3600
    mine.renew("orders", ME)

    assert place.server.verbs() == ["POST", "PUT"]


def test_a_process_of_this_machine_that_has_ended_is_followed_at_once(place: Place) -> None:
    mine, _ = place.machine()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = Holder("zoë", os.uname().nodename, process.pid, 1.0)
    mine.acquire("orders", holder)
    with pytest.raises(Busy):
        mine.acquire("orders", YOU)
    process.communicate()

    mine.acquire("orders", YOU)

    assert mine.holder("orders") == YOU


@pytest.mark.parametrize("key", ["machine", "started"])
def test_a_process_of_another_machine_with_our_name_is_not_judged_by_our_processes(place: Place, key: str) -> None:
    mine, _ = place.machine()
    mine.acquire("orders", Holder("zoë", os.uname().nodename, 2**22 + 1, 1.0))  # no pid is as high as this
    said = {f"gatewayctl.dev/{key}": "another" if key == "machine" else ""}
    place.server.edit(
        PATH, lambda found: found["metadata"]["annotations"].update({"gatewayctl.dev/started": "7", **said})
    )

    with pytest.raises(Busy):
        mine.acquire("orders", YOU)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"holderIdentity": ""},
        {"holderIdentity": None, "renewTime": 7},
        {"holderIdentity": "someone else's tool", "renewTime": "yesterday", "leaseTransitions": "many"},
    ],
)
def test_a_lease_without_usable_fields_is_free(place: Place, spec: Object) -> None:
    place.api.create(leases("shop"), {"metadata": {"name": "gatewayctl-orders"}, "spec": spec})
    mine, _ = place.machine()

    assert mine.holder("orders") is None
    mine.acquire("orders", ME)

    assert mine.holder("orders") == ME


def test_a_holder_that_another_tool_wrote_is_shown_by_its_name(place: Place) -> None:
    spec = {"holderIdentity": "someone else's tool", "renewTime": "2023-11-14T22:13:19Z"}
    place.api.create(leases("shop"), {"metadata": {"name": "gatewayctl-orders"}, "spec": spec})
    mine, _ = place.machine()

    with pytest.raises(Busy, match="someone else's tool"):
        mine.acquire("orders", ME)
