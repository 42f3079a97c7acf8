"""How nginx spells a canary rule: an `if` on the header in each location of stable, with a pass of its own."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.nginx.canary import build_insertions
from gatewayctl.gateways.nginx.diagnostics import explain_unrouted, refuse_ambiguous
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.location import CanaryLocation, StablePass
from gatewayctl.gateways.nginx.markers import find_owned, insert_all, is_owned, remove_owned
from gatewayctl.gateways.nginx.proxy_pass import ProxyPass, ProxyPasses
from gatewayctl.gateways.nginx.views import describe_canary_rules, describe_pass
from gatewayctl.gateways.yamltext.document import no_collection

# `if ($http_x = "v")` compares exactly. Of a header sent twice, nginx before 1.23 knows the first line only, later ones
# join the lines by a comma: neither makes a second line count.
# A name that is gone keeps nginx from loading its files: the address is what a release writes.
_LIMITS = Limits(stamp=True, by_address=True, fallback=True)


class NginxDialect:
    """Implements ports.Dialect for the http part of nginx's configuration."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; compares the whole header value, letter by letter."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every pass with an upstream and every canary rule, in file order. Raises Refused."""
        with no_collection():
            config = Config(files)
            found = [describe_pass(config, one) for one in _people_s(ProxyPasses(config)) if one.targets]
            found += describe_canary_rules(config)
        order = {file.name: index for index, file in enumerate(files)}
        return tuple(sorted(found, key=lambda one: (order[one.file], one.line)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every location of its service; a rule of the same owner is replaced. Raises Refused."""
        with no_collection():
            return self._insert(files, rule)

    def _insert(self, files: Files, rule: CanaryRule) -> Change:
        bare = remove_owned(files, rule.name)
        passes = ProxyPasses(Config(bare))
        refuse_ambiguous(passes, rule)
        places, covered = _places(passes, rule)
        if not places:
            raise explain_unrouted(passes, rule)
        put_in = [piece for place in places for piece in build_insertions(place)]
        _refuse_many_upstreams(places, rule)
        after = insert_all(bare, dict.fromkeys(put_in), rule.name)
        if remove_owned(after, rule.name) != bare:
            names = ", ".join(file.name for file in files)
            raise Refused(names, 0, "taking this rule away again would not give back the same bytes")
        notes = dict.fromkeys(note for place in places for note in place.notes)
        return Change(_stages(files, after), tuple(describe_pass(passes.config, one) for one in covered), tuple(notes))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        with no_collection():
            name = rule_name(app)
            after = remove_owned(files, name)
            ours = [one for one in describe_canary_rules(Config(files)) if one.name == name] if after != files else []
            return Change(_stages(files, after), tuple(ours))


def _people_s(passes: ProxyPasses) -> list[ProxyPass]:
    """Every pass that is not ours."""
    ours = {id(text): tuple(find_owned(text)) for text in passes.config.texts}
    return [one for one in passes.read_all() if not is_owned(one.directive, ours[id(one.directive.text)])]


def _places(passes: ProxyPasses, rule: CanaryRule) -> tuple[list[CanaryLocation], list[ProxyPass]]:
    """The locations of the service, and all its passes."""
    groups: dict[int, CanaryLocation] = {}
    covered = []
    for one in _people_s(passes):
        targets = [target for target in one.targets if passes.upstreams.is_service(target.address, rule.service)]
        if targets:
            covered.append(one)
            location = CanaryLocation(passes, rule, [StablePass(one, tuple(dict.fromkeys(targets)))])
            key = id(location.block) if location.block is not None else id(one.directive)
            groups.setdefault(key, CanaryLocation(passes, rule, [])).stable_passes += location.stable_passes
    return list(groups.values()), covered


def _refuse_many_upstreams(places: list[CanaryLocation], rule: CanaryRule) -> None:
    twins = list(dict.fromkeys(piece for place in places for piece in place.upstreams))
    if len(twins) > 1:
        text = twins[1].text
        raise Refused(
            text.fragment.file,
            text.line(twins[1].at),
            f"a second upstream of {rule.service}: one name ({rule.canary}) cannot stand for the canaries of both",
            hint=f"define the upstream {rule.canary} yourself, if one can serve both",
        )


def _stages(before: Files, after: Files) -> tuple[Files, ...]:
    """One stage: nginx reads all its files at once, when it is told to."""
    changed = tuple(new for old, new in zip(before, after, strict=True) if old != new)
    return (changed,) if changed else ()
