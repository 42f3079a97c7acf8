"""Asks one route of one replica, and says what its answers show of the canary's rule."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from gatewayctl.domain.coverage import RouteRequest
from gatewayctl.domain.evidence import Answer, Attribution
from gatewayctl.domain.platform import Replica
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
            answer = self._ask_marked(request)
            if isinstance(answer, RouteState):
                return answer
            if not self._is_canarys(answer):
                return self._why_not_canarys(request, answer)
        return RouteState()

    def gone(self, request: RouteRequest, *, asked: bool) -> RouteState:
        """Whether the route sends marked requests to stable again; `asked`: the replica said that it has no rule."""
        for _ in range(self.rounds):
            answer = self._ask_marked(request)
            if isinstance(answer, RouteState):
                return answer
            if not self._is_rules(answer) and (asked or self._is_stables(answer)):
                continue
            state = self._why_not_gone(request, answer)
            if state is not None:
                return state
        return RouteState()

    def reaches(self, request: RouteRequest, version: Attribution) -> bool:
        """Whether the route sends an unmarked request to this version, which is the canary or stable."""
        return any(self._is_from(version, self._ask(request, marked=False)) for _ in range(self.rounds))

    def _is_from(self, version: Attribution, answer: Answer) -> bool:
        if version is Attribution.CANARY:
            return self._is_canarys(answer)
        return self.release.attribution.attribute(answer) is version

    def _ask_marked(self, request: RouteRequest) -> Answer | RouteState:
        """The answer to a marked request; or that the route gives none, as a long poll or a slow backend does.

        It is asked twice, and between the two the replica must answer on the application's probe path: else the
        replica itself may be in trouble, which says nothing of the route.
        """
        answer = self._ask(request, marked=True)
        if answer.status:
            return answer
        own = self._ask(RouteRequest("the probe path", self.release.target.probe), marked=True)
        if not own.status:
            return RouteState(f"no answer, and none on the probe path either ({own.error})")
        answer = self._ask(request, marked=True)
        return answer if answer.status else RouteState(gap=answer.error, certain=False)

    def _ask(self, request: RouteRequest, *, marked: bool) -> Answer:
        self.tick(f"{self.replica.name}: {request.route}")
        header = self.release.header
        mark = ((header.name, header.value),) if marked else ()
        return self.prober.ask(self.replica, request.probe.with_headers(*mark))

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
        if attribution.is_stamped(answer) or attribution.attribute(answer) is Attribution.STABLE:
            return RouteState(said)
        plain = self._ask(request, marked=False)
        # In a step of the ramp the canary may answer that one, too: the route takes it all the same.
        if attribution.attribute(plain) is Attribution.STABLE or (self.release.rule.share and self._is_canarys(plain)):
            return RouteState(said)
        if not plain.status:
            return RouteState(gap=f"without the mark {plain.error}", certain=False)
        what = f"{request.probe.host}{request.probe.path} does not reach it: {attribution.explain(plain)}"
        return RouteState(gap=what, certain=bool(attribution.identify.read(plain)))

    def _is_rules(self, answer: Answer) -> bool:
        """Whether a rule of the application answered: any stamp is one's, also that of an older release."""
        attribution = self.release.attribution
        is_stamped = self.release.stamps and attribution.stamp_header in answer.headers
        return is_stamped or attribution.is_canarys_pod(answer)

    def _is_stables(self, answer: Answer) -> bool:
        """Stable's word; or, where it does not name itself, an answer without a stamp in which nothing broke."""
        return self.release.attribution.attribute(answer) is Attribution.STABLE or (
            self.release.stamps and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        )

    def _why_not_gone(self, request: RouteRequest, answer: Answer) -> RouteState | None:
        """None where the answer is as one gets it without the mark: then stable itself is in trouble."""
        attribution, stamps = self.release.attribution, self.release.stamps
        said = attribution.explain(answer)
        if stamps and not self._is_rules(answer):
            plain = self._ask(request, marked=False)
            if plain.status == answer.status:
                return None
            if not plain.status:
                return RouteState(gap=f"without the mark {plain.error}", certain=False)
        if stamps or attribution.word_of(answer) is Attribution.CANARY:
            return RouteState(f"a marked request was not answered by stable ({said})")
        return RouteState(gap=f"the answer names nobody: {said}")
