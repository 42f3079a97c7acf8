"""How ingress-nginx spells a canary rule: an Ingress of our own, marked as a canary, beside each Ingress of stable's.

In a file it is a document behind the document that stable's Ingress is in. To take a rule away its document is removed.
It is never switched off by `canary: "false"`: that makes an ordinary Ingress of it, which then gets stable's requests.

The controller decides by the Service, not by host and path: a canary of one path takes part in all paths whose Service
and port are the same. So each path with the Service is in a canary, and what is written is what happens.
"""

from collections.abc import Sequence
from dataclasses import replace

from gatewayctl.domain.evidence import Attribution, LeakCase
from gatewayctl.domain.routing import CanaryRule, Change, Files, Limits, RouteView, rule_name
from gatewayctl.gateways.ingressnginx.canary import canary_text, is_target
from gatewayctl.gateways.ingressnginx.diagnostics import explain_unrouted, notes, refuse_unusable
from gatewayctl.gateways.ingressnginx.documents import OwnDocument, with_documents, without_owner
from gatewayctl.gateways.ingressnginx.ingress import Ingress, canary_name
from gatewayctl.gateways.ingressnginx.locate import IngressFile, ingresses_of, read_file, read_files
from gatewayctl.gateways.ingressnginx.views import describe, example_of, views_of

# A response header needs a snippet, which most clusters forbid, or a ConfigMap that is the whole controller's. When the
# header is sent twice, nginx sees the first or both with a comma, by its version, and Traefik matches either.
_LIMITS = Limits(
    stamp=False,
    fallback=True,
    shares=True,
    answers={LeakCase.SENT_TWICE: frozenset({Attribution.CANARY, Attribution.STABLE})},
)


class IngressNginxDialect:
    """Implements ports.Dialect for Ingresses with the annotations of ingress-nginx."""

    @property
    def limits(self) -> Limits:
        """No stamp; stable answers marked requests while the canary has no Pod that is ready."""
        return _LIMITS

    def routes(self, files: Files) -> tuple[RouteView, ...]:
        """Every path that sends to a Service, in file order. Raises Refused."""
        return tuple(view for one in ingresses_of(read_files(files)) for view in views_of(one))

    def insert(self, files: Files, rule: CanaryRule) -> Change:
        """Add a canary beside every Ingress of the Service; one of the same owner is replaced. Raises Refused."""
        parsed = read_files(self._without(files, rule.app))
        targets = [one for one in ingresses_of(parsed) if _targets(one, rule)]
        if not targets:
            raise explain_unrouted(parsed, rule)
        refuse_unusable(parsed, targets, rule)
        done = tuple(with_documents(one, _documents(one, targets, rule)) for one in parsed)
        covered = tuple(
            replace(describe(ingress, one), examples=(example_of(ingress, one),))
            for ingress in targets
            for one in ingress.backends
            if is_target(ingress, one, rule)
        )
        return Change.between(files, done, covered=covered, notes=notes(targets))

    def remove(self, files: Files, app: str) -> Change:
        """Take away exactly what `insert` added for `app`; what is not there needs no change. Raises Refused."""
        ours = tuple(one for one in self.routes(files) if one.name == rule_name(app))
        return Change.between(files, self._without(files, app), covered=ours)

    def _without(self, files: Files, app: str) -> Files:
        """The files without the canaries of `app`. Raises Refused, also where there is no Ingress in any of them."""
        read_files(files)
        return tuple(without_owner(read_file(file), rule_name(app)) for file in files)


def _targets(ingress: Ingress, rule: CanaryRule) -> bool:
    return any(is_target(ingress, one, rule) for one in ingress.backends)


def _documents(file: IngressFile, targets: Sequence[Ingress], rule: CanaryRule) -> list[OwnDocument]:
    return [
        OwnDocument(one, canary_name(rule.app, one.name), canary_text(one, rule))
        for one in file.ingresses
        if one in targets
    ]
