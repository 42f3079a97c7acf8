"""How nginx spells a canary rule: an `if` on the header in each location of stable, with its own `proxy_pass`.

A share of the unmarked requests is a second `if` like it, on a variable that nginx sets at random.
"""

from dataclasses import replace

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name, share_name
from gatewayctl.gateways.nginx.canary import build_insertions
from gatewayctl.gateways.nginx.diagnostics import explain_unrouted, missing_files, refuse_ambiguous
from gatewayctl.gateways.nginx.examples import example_of
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.location import CanaryLocation, StablePass
from gatewayctl.gateways.nginx.markers import Insertion, find_owned, insert_all, is_owned, remove_owned
from gatewayctl.gateways.nginx.notes import Note, join_notes
from gatewayctl.gateways.nginx.proxy_pass import ProxyPass, ProxyPasses
from gatewayctl.gateways.nginx.selector import header_selector
from gatewayctl.gateways.nginx.share import share_insertions
from gatewayctl.gateways.nginx.views import describe_canary_rules, describe_pass

# `if ($http_x = "v")` compares exactly. Of a header sent twice, nginx before 1.23 reads the first line only, and later
# versions join the lines by a comma: in neither does a second line match.
# A name that no longer resolves keeps nginx from loading its files: so a release writes the address.
_LIMITS = Limits(stamp=True, by_address=True, fallback=True, shares=True)


class NginxDialect:
    """Implements ports.Dialect for the http part of nginx's configuration."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; compares the whole header value, letter by letter."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every `proxy_pass` with an upstream and every canary rule, in file order. Raises Refused."""
        config = Config(files)
        routes = [describe_pass(config, one) for one in _find_foreign(ProxyPasses(config)) if one.targets]
        routes += describe_canary_rules(config)
        order = {file.name: index for index, file in enumerate(files)}
        return tuple(sorted(routes, key=lambda one: (order[one.file], one.line)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every location of its service; a rule of the same owner is replaced. Raises Refused."""
        bare = remove_owned(files, _own_names(rule.app))
        passes = ProxyPasses(Config(bare))
        refuse_ambiguous(passes, rule)
        places, covered = _find_places(passes, rule)
        if not places:
            raise explain_unrouted(passes, rule)
        marked = [piece for place in places for piece in build_insertions(place)]
        share = share_insertions(places, rule)
        upstream = _one_upstream(places, rule)
        after = insert_all(bare, {rule.share_name: share, rule.name: [*marked, *upstream]})
        config = passes.config
        missing = [Note.at(one, text) for one, text in missing_files(config, [each.directive for each in covered])]
        notes = join_notes([*missing, *(note for place in places for note in place.notes)])
        views = tuple(replace(describe_pass(config, one), examples=(example_of(config, one),)) for one in covered)
        return Change.between(files, after, covered=views, notes=notes)

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        names = _own_names(app)
        after = remove_owned(files, names)
        ours = [one for one in describe_canary_rules(Config(files)) if one.name in names] if after != files else []
        return Change.between(files, after, covered=tuple(ours))


def _own_names(app: str) -> frozenset[str]:
    """The names of both parts of an application's rule."""
    return frozenset({rule_name(app), share_name(app)})


def _find_foreign(passes: ProxyPasses) -> list[ProxyPass]:
    """Every `proxy_pass` that is not part of a rule of ours."""
    ours = {id(text): tuple(find_owned(text)) for text in passes.config.texts}
    return [one for one in passes.read_all() if not is_owned(one.directive, ours[id(one.directive.text)])]


def _find_places(passes: ProxyPasses, rule: CanaryRule) -> tuple[list[CanaryLocation], list[ProxyPass]]:
    """The locations that send to the service, and every `proxy_pass` in them that does."""
    groups: dict[int, CanaryLocation] = {}
    selector = header_selector(rule)
    covered = []
    for one in _find_foreign(passes):
        targets = [target for target in one.targets if passes.upstreams.is_service(target.address, rule.service)]
        if targets:
            covered.append(one)
            place = CanaryLocation(passes, rule, selector, [StablePass(one, tuple(dict.fromkeys(targets)))])
            key = id(place.block) if place.block is not None else id(one.directive)
            groups.setdefault(key, CanaryLocation(passes, rule, selector, [])).stable_passes += place.stable_passes
    return list(groups.values()), covered


def _one_upstream(places: list[CanaryLocation], rule: CanaryRule) -> list[Insertion]:
    """The upstream to insert, if any. Raises Refused where the canaries of two upstreams would need the same name."""
    twins = list(dict.fromkeys(piece for place in places for piece in place.upstreams))
    if len(twins) > 1:
        text = twins[1].text
        raise Refused(
            text.fragment.file,
            text.line(twins[1].at),
            f"a second upstream of {rule.service}: one name ({rule.canary}) cannot stand for the canaries of both",
            hint=f"define the upstream {rule.canary} yourself, if one can serve both",
        )
    return twins
