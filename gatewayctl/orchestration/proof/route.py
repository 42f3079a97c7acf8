"""Asks one route of one replica, and says what its answers show of the canary's rule."""

from collections.abc import Callable
from dataclasses import dataclass

from gatewayctl.domain.coverage import RouteRequest
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.platform import Probe, Replica
from gatewayctl.domain.release import Release
from gatewayctl.ports import Prober


@dataclass(frozen=True, slots=True)
class RouteState:
    """`missing` contradicts the proof. `gap` says that the request shows nothing of the route; `certain`: for good."""

    missing: str = ""
    gap: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Asker:
    """Sends requests for one release to one replica, each `rounds` times; `tick` is called before every one."""

    prober: Prober
    release: Release
    replica: Replica
    rounds: int
    tick: Callable[[str], None]

    def served(self, request: RouteRequest) -> RouteState:
        """Whether the route sends marked requests to the canary."""
        for _ in range(self.rounds):
            answer = self._ask(request, marked=True)
            if not self._is_canarys(answer):
                return self._why_not_canarys(request, answer)
        return RouteState()

    def gone(self, request: RouteRequest, *, asked: bool) -> RouteState:
        """Whether the route sends marked requests to stable again; `asked`: the replica said that it has no rule."""
        for _ in range(self.rounds):
            answer = self._ask(request, marked=True)
            if not self._is_rules(answer) and ((asked and answer.status) or self._is_stables(request, answer)):
                continue
            said = self.release.attribution.explain(answer)
            if self.release.stamps or self.release.attribution.word_of(answer) is Attribution.CANARY:
                return RouteState(f"a marked request was not answered by stable ({said})")
            return RouteState(gap=f"the answer names nobody: {said}")
        return RouteState()

    def _ask(self, request: RouteRequest, *, marked: bool) -> Answer:
        self.tick(f"{self.replica.name}: {request.route}")
        probe, header = request.probe, self.release.header
        mark = ((header.name, header.value),) if marked else ()
        return self.prober.ask(self.replica, Probe(probe.host, probe.path, (*probe.headers, *mark)))

    def _is_canarys(self, answer: Answer) -> bool:
        """The canary's word, or the rule's stamp where the application does not name itself on this path."""
        attribution = self.release.attribution
        is_word_missing = attribution.word_of(answer) is Attribution.UNKNOWN
        return attribution.attribute(answer) is Attribution.CANARY or (
            is_word_missing and attribution.is_stamped(answer)
        )

    def _why_not_canarys(self, request: RouteRequest, answer: Answer) -> RouteState:
        """Stable's answer to the same request without the mark shows that the route takes it, but not to the canary.

        Anybody else's shows that another route comes first; an answer that names nobody, perhaps.
        """
        attribution = self.release.attribution
        said = f"a marked request was not answered by the canary ({attribution.explain(answer)})"
        if not answer.status or attribution.is_stamped(answer):
            return RouteState(said)
        plain = self._ask(request, marked=False)
        if attribution.attribute(plain) is Attribution.STABLE or not plain.status:
            return RouteState(said)
        what = f"{request.probe.host}{request.probe.path} does not reach it: {attribution.explain(plain)}"
        return RouteState(gap=what, certain=bool(attribution.identify.read(plain)))

    def _is_rules(self, answer: Answer) -> bool:
        """Whether a rule of the application answered: any stamp is one's, also that of an older release."""
        attribution = self.release.attribution
        is_stamped = self.release.stamps and attribution.stamp_header in answer.headers
        return is_stamped or attribution.is_canarys_pod(answer)

    def _is_stables(self, request: RouteRequest, answer: Answer) -> bool:
        """Stable's word; or, where it does not name itself, an answer as one gets it without the mark."""
        attribution = self.release.attribution
        if attribution.attribute(answer) is Attribution.STABLE:
            return True
        if not answer.status or not self.release.stamps:
            return False
        return answer.status < 500 or self._ask(request, marked=False).status == answer.status
