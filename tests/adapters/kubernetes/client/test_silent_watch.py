"""Watches that are agreed to and then say nothing, on real connections: what is held is asked for again in time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.client.api import Api
from gatewayctl.adapters.kubernetes.client.watch import WatchedList, WatchedObject
from tests.adapters.kubernetes.client.test_watch import wait_until
from tests.adapters.kubernetes.fake_api.http import Reply
from tests.adapters.kubernetes.fake_api.server import FakeApiServer, connect_to_fake

THINGS = "/api/v1/namespaces/shop/configmaps"
SILENT = Reply(silent=True)  # a watch that was agreed to, and never says anything: also a half-open connection
MUTE = Reply(mute=True)  # a server that takes the request, and never answers


@pytest.fixture(params=[SILENT, MUTE], ids=["silent", "mute"])
def server(request: pytest.FixtureRequest) -> FakeApiServer:
    return FakeApiServer(watch=request.param)


@pytest.fixture
def api(server: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with connect_to_fake(tmp_path, server) as (_, api):
        api.create(THINGS, {"metadata": {"name": "a"}, "data": {"by": "us"}})
        yield api


def test_a_change_that_nobody_is_told_of_is_read_in_time(server: FakeApiServer, api: Api) -> None:
    """k07, k08: a silent watch was believed for 185 s."""
    item, listing = WatchedObject(api, THINGS, "a", staleness=0.3), WatchedList(api, THINGS, staleness=0.3)
    for _ in range(3):
        item.read(), listing.read()

    server.edit(f"{THINGS}/a", lambda found: found["data"].update(by="somebody"))
    api.create(THINGS, {"metadata": {"name": "b"}})

    wait_until(lambda: item.read()["data"]["by"] == "somebody")
    wait_until(lambda: [one["metadata"]["name"] for one in listing.read()] == ["a", "b"])


def test_what_was_silent_for_longer_than_allowed_is_never_served(server: FakeApiServer, api: Api) -> None:
    listing = WatchedList(api, THINGS, staleness=0.1)
    listing.read()
    for number in range(3):
        api.create(THINGS, {"metadata": {"name": f"b{number}"}})
        must_know = time.monotonic() + 0.1
        while time.monotonic() <= must_know:
            time.sleep(0.01)

        assert len(listing.read()) == number + 2
