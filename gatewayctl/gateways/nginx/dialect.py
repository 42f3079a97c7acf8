"""How nginx spells a canary rule: an `if` on the header in each location of stable, with a pass of its own."""

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.nginx.canary import Place, pieces
from gatewayctl.gateways.nginx.diagnostics import refuse_ambiguous, unrouted
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.markers import is_owned, owned, put, without
from gatewayctl.gateways.nginx.proxy_pass import Choice, Pass, Passes
from gatewayctl.gateways.nginx.views import rule_views, view

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
        config = Config(files)
        found = [view(config, one) for one in _people_s(Passes(config)) if one.choices]
        found += rule_views(config)
        order = {file.name: index for index, file in enumerate(files)}
        return tuple(sorted(found, key=lambda one: (order[one.file], one.line)))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add `rule` to every location of its service; a rule of the same owner is replaced. Raises Refused."""
        bare = without(files, rule.name)
        passes = Passes(Config(bare))
        refuse_ambiguous(passes, rule)
        places, covered = _places(passes, rule)
        if not places:
            raise unrouted(passes, rule)
        put_in = [piece for place in places for piece in pieces(place)]
        _refuse_many_upstreams(places, rule)
        after = put(bare, dict.fromkeys(put_in), rule.name)
        notes = dict.fromkeys(note for place in places for note in place.notes)
        views = tuple(view(passes.config, one) for one in covered)
        return Change.between(files, after, covered=views, notes=tuple(notes))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        name = rule_name(app)
        after = without(files, name)
        ours = [one for one in rule_views(Config(files)) if one.name == name] if after != files else []
        return Change.between(files, after, covered=tuple(ours))


def _people_s(passes: Passes) -> list[Pass]:
    """Every pass that is not ours."""
    ours = {id(text): tuple(owned(text)) for text in passes.config.texts}
    return [one for one in passes.all() if not is_owned(one.directive, ours[id(one.directive.text)])]


def _places(passes: Passes, rule: CanaryRule) -> tuple[list[Place], list[Pass]]:
    """The locations of the service, and all its passes."""
    groups: dict[int, Place] = {}
    covered = []
    for one in _people_s(passes):
        choices = [choice for choice in one.choices if passes.upstreams.is_sent_to(choice.address, rule.service)]
        if choices:
            covered.append(one)
            place = Place(passes, rule, [(one, _distinct(choices))])
            key = id(place.location) if place.location is not None else id(one.directive)
            groups.setdefault(key, Place(passes, rule, [])).hits += place.hits
    return list(groups.values()), covered


def _refuse_many_upstreams(places: list[Place], rule: CanaryRule) -> None:
    twins = list(dict.fromkeys(piece for place in places for piece in place.upstreams))
    if len(twins) > 1:
        text = twins[1].text
        raise Refused(
            text.unit.file,
            text.line(twins[1].at),
            f"a second upstream of {rule.service}: one name ({rule.canary}) cannot stand for the canaries of both",
            hint=f"define the upstream {rule.canary} yourself, if one can serve both",
        )


def _distinct(choices: list[Choice]) -> list[Choice]:
    return list(dict.fromkeys(choices))
