"""Whether a canary that registers itself is known to the registry, before a rule sends anybody to its name.

Before a release only the registry itself can be checked: it must know stable. The canary registers when it runs, so it
is waited for right before the rule is published.
"""

from collections.abc import Callable

from gatewayctl.domain.errors import Conflict, UsageFault
from gatewayctl.domain.judgement import Judgement, fail
from gatewayctl.domain.platform import Check
from gatewayctl.domain.registration import registered_name, shared_instances
from gatewayctl.domain.release import Release
from gatewayctl.orchestration.canary_health import CanaryHealth
from gatewayctl.orchestration.context import Ports, StepContext
from gatewayctl.ports import Registry
from gatewayctl.waiting import Deadline, Pending, until

CHECK = "registered names"
_PAUSE = 0.5  # seconds between two looks; a registry serves many


def check_unwatched(ports: Ports, release: Release) -> tuple[Check, ...]:
    """A warning where a canary registers itself, and no registry is named that could be asked for it."""
    name = registered_name(release.target.canary_uri)
    if not name or ports.gateway.registry is not None:
        return ()
    return (Check(CHECK, f"nobody checks whether the canary registers as {name}", hint="set gateway.registry to ask"),)


def registry_checks(ports: Ports, release: Release) -> tuple[tuple[str, Callable[[], str]], ...]:
    """The precondition of a canary that registers itself, as preflight names its checks."""
    registry, name = ports.gateway.registry, registered_name(release.target.canary_uri)
    if not name or registry is None:
        return ()
    return ((CHECK, lambda: _check(ports, release, registry, name)),)


def _check(ports: Ports, release: Release, registry: Registry, name: str) -> str:
    stable = _stable_name(ports, release)
    known = registry(stable) if stable else None
    if known is not None and not known.found:
        raise UsageFault(
            f"the registry does not know stable as {stable}: {known.detail}",
            hint="correct url, namespace and group of gateway.registry",
        )
    canary = registry(name)
    if canary.instances:  # no Pod of it runs now, so these are of somebody else, or left over
        raise Conflict(
            f"the canary does not run, and the registry has {name} already: {canary.detail}",
            hint="requests would be sent there: wait until the registry has dropped it, or use another name",
        )
    return f"knows {stable}: {known.detail}" if known else f"answers: {name}: {canary.detail}"


def _stable_name(ports: Ports, release: Release) -> str:
    """The name that stable's routes look up; empty where they send to an address."""
    service = registered_name(release.target.service) or release.target.service
    routes = ports.gateway.dialect.routes(ports.gateway.store.read().files)
    looked_up = {route.target.lower() for route in routes if route.looked_up}
    return service if service.lower() in looked_up else ""


def wait_for_registration(context: StepContext) -> Judgement | None:
    """Wait until the registry has the canary under its name; None then, and where nobody can be asked.

    A failure where an instance of it is stable's, too, or where the canary is lost meanwhile. Raises DeadlineExceeded.
    """
    registry, name = context.ports.gateway.registry, registered_name(context.release.target.canary_uri)
    if not name or registry is None:
        return None
    stable, canary = _stable_name(context.ports, context.release), CanaryHealth(context)

    def look() -> bool | Judgement | Pending:
        health = canary.look()
        if isinstance(health, (Judgement, Pending)):
            return health
        seen = registry(name)
        if not seen.found:
            return Pending(f"{name}: {seen.detail}" + _elsewhere(context, registry, stable))
        both = shared_instances(seen, registry(stable)) if stable else ()
        if not both:
            return True
        return fail(f"{both[0]} is registered as {name} and as {stable}, so requests without the header reach it")

    hint = f"its spring.application.name must be {name}, in the namespace and group that gateway.registry names"
    live = context.release.trial.timings.live
    deadline = Deadline(context.ports.clock, context.tick, live, _PAUSE, hint=hint)
    found = until(look, f"the canary to register as {name}", deadline)
    return found if isinstance(found, Judgement) else None


def _elsewhere(context: StepContext, registry: Registry, stable: str) -> str:
    """What to say where stable's name has more instances than stable has Pods: the canary may be one of them."""
    if not stable:
        return ""
    instances = registry(stable).instances
    pods = context.ports.workloads.read(context.release.target.stable).pods
    if len(instances) <= len(pods):
        return ""
    return f"; {stable} has {len(instances)} instances and {len(pods)} Pods: the canary may have registered as {stable}"
