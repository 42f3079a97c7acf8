"""The contract of ports.Replicas."""

from dataclasses import replace

from gatewayctl.domain.platform import Replica
from tests.contract.harness import Platform


def find_replica(platform: Platform, name: str) -> Replica:
    return next(replica for replica in platform.replicas.list() if replica.name == name)


def test_every_replica_is_listed_with_addresses_of_its_own(platform: Platform) -> None:
    replicas = platform.replicas.list()

    assert len(replicas) >= 2
    assert all(replica.ready for replica in replicas)
    assert len({replica.name for replica in replicas}) == len(replicas)
    assert len({replica.traffic for replica in replicas} | {replica.admin for replica in replicas}) == 2 * len(replicas)
    assert all(replica.traffic.rpartition(":")[2].isdigit() for replica in replicas)


def test_a_list_of_now_knows_at_least_what_an_earlier_list_knew(platform: Platform) -> None:
    known = {replica.name for replica in platform.replicas.list()}

    assert known <= {replica.name for replica in platform.replicas.list_now()}
    assert platform.replicas.staleness >= 0


def test_a_replica_that_is_down_is_listed_as_not_ready_with_the_reason(platform: Platform) -> None:
    first, *others = platform.replicas.list()

    platform.take_down(first.name)
    try:
        platform.settle(lambda: not find_replica(platform, first.name).ready, "the replica to be seen down")
        assert find_replica(platform, first.name).note
        assert [find_replica(platform, other.name).ready for other in others] == [True] * len(others)
    finally:
        platform.bring_back(first.name)

    platform.settle(lambda: find_replica(platform, first.name).ready, "the replica to be back")
    back = find_replica(platform, first.name)
    assert replace(back, identity=first.identity) == first
    assert back.identity != first.identity, "p18: another process under the same name is not seen"


def test_a_replica_that_goes_on_keeps_its_identity_and_none_has_that_of_another(platform: Platform) -> None:
    replicas = platform.replicas.list()

    assert all(replica.identity for replica in replicas)
    assert len({replica.identity for replica in replicas}) == len(replicas)
    assert platform.replicas.list_now() == replicas
