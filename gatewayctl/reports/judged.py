"""What the judge says of a canary."""

from dataclasses import asdict, dataclass

from gatewayctl.domain.judge.decision import Decision
from gatewayctl.domain.judgement import Verdict


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """What `judge` came to; no verdict means that it could not tell in time."""

    app: str
    decision: Decision

    @property
    def verdict(self) -> Verdict:
        """Pass, fail or inconclusive."""
        return self.decision.verdict or Verdict.INCONCLUSIVE

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.judge/1`."""
        figures = [asdict(one) for one in self.decision.figures]
        watched = list(self.decision.watched)
        rest = {**asdict(self.decision), "verdict": self.verdict.value, "figures": figures, "watched": watched}
        return {"schema": "gatewayctl.judge/1", "app": self.app, **rest}

    def text(self) -> str:
        """One sentence, then the rules that are only told."""
        return "\n".join([f"{self.verdict.mark} {self.decision.text}", *(f"  {one}" for one in self.decision.watched)])
