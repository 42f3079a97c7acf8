"""How nginx spells a canary rule: an `if` on the header in each location of stable, with its own `proxy_pass`."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.nginx.canary import Place, pieces
from gatewayctl.gateways.nginx.diagnostics import refuse_ambiguous, unrouted
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.markers import is_owned, owned, put, without
from gatewayctl.gateways.nginx.proxy_pass import Pass, Passes
from gatewayctl.gateways.nginx.views import rule_views, view

# `if ($http_x = "v")` compares exactly. Of a header sent twice, nginx before 1.23 reads the first line only, and later
# versions join the lines by a comma: in neither does a second line match.
# A name that no longer resolves keeps nginx from loading its files: so a release writes the address.
_LIMITS = Limits(stamp=True, by_address=True, fallback=True)


class NginxDialect:
    """Implements ports.Dialect for the http part of nginx's configuration."""

    @property
    def limits(self) -> Limits:
        """Stamps answers; compares the whole header value, letter by letter."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every `proxy_pass` with an upstream and every canary rule, in file order. Raises Refused."""
        config = Config(files)
        routes = [view(config, one) for one in _find_foreign(Passes(config)) if one.choices]
        routes += rule_views(config)
        order = {file.name: index for index, file in enumerate(files)}
        return tuple(sorted(routes, key=lambda one: (order[one.file], one.line)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every location of its service; a rule of the same owner is replaced. Raises Refused."""
        bare = without(files, rule.name)
        passes = Passes(Config(bare))
        refuse_ambiguous(passes, rule)
        places, covered = _find_places(passes, rule)
        if not places:
            raise unrouted(passes, rule)
        new = [piece for place in places for piece in pieces(place)]
        _refuse_many_upstreams(places, rule)
        after = put(bare, dict.fromkeys(new), rule.name)
        notes = dict.fromkeys(note for place in places for note in place.notes)
        views = tuple(view(passes.config, one) for one in covered)
        return Change.between(files, after, covered=views, notes=tuple(notes))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        name = rule_name(app)
        after = without(files, name)
        ours = [one for one in rule_views(Config(files)) if one.name == name] if after != files else []
        return Change.between(files, after, covered=tuple(ours))


def _find_foreign(passes: Passes) -> list[Pass]:
    """Every `proxy_pass` that is not part of a rule of ours."""
    ours = {id(text): tuple(owned(text)) for text in passes.config.texts}
    return [one for one in passes.all() if not is_owned(one.directive, ours[id(one.directive.text)])]


def _find_places(passes: Passes, rule: CanaryRule) -> tuple[list[Place], list[Pass]]:
    """The locations that send to the service, and every `proxy_pass` in them that does."""
    groups: dict[int, Place] = {}
    covered = []
    for one in _find_foreign(passes):
        choices = [choice for choice in one.choices if passes.upstreams.is_sent_to(choice.address, rule.service)]
        if choices:
            covered.append(one)
            place = Place(passes, rule, [(one, list(dict.fromkeys(choices)))])
            key = id(place.location) if place.location is not None else id(one.directive)
            groups.setdefault(key, Place(passes, rule, [])).hits += place.hits
    return list(groups.values()), covered


def _refuse_many_upstreams(places: list[Place], rule: CanaryRule) -> None:
    """Raise Refused where the canaries of two upstreams would need the same name."""
    twins = list(dict.fromkeys(piece for place in places for piece in place.upstreams))
    if len(twins) > 1:
        text = twins[1].text
        raise Refused(
            text.unit.file,
            text.line(twins[1].at),
            f"a second upstream of {rule.service}: one name ({rule.canary}) cannot stand for the canaries of both",
            hint=f"define the upstream {rule.canary} yourself, if one can serve both",
        )
