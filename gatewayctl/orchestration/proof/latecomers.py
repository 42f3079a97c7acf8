"""Replicas that a proof did not look at, because the list that it went by was late."""

from gatewayctl.domain.platform import Replica
from gatewayctl.orchestration.context import StepContext
from gatewayctl.waiting import Pending


def find_unproven(context: StepContext, proven: tuple[Replica, ...], *, ready_only: bool = False) -> Pending | None:
    """Pending while there is a replica, now, that is not one of `proven`; asked for right before a proof passes.

    Lists may be late, and a replica that came meanwhile may run older files. One that restarted under its name is
    another one. With `ready_only` those that are down do not matter: they start with the files as they are now.
    """
    known = {(one.name, one.identity) for one in proven}
    for one in context.ports.gateway.replicas.list_now():
        if (one.name, one.identity) not in known and (one.ready or not ready_only):
            return Pending(f"{one.name} came meanwhile: {one.note or 'not looked at yet'}")
    return None
