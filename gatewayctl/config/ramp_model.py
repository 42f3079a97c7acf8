"""The keys of apps.NAME.ramp in gatewayctl.yaml."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from gatewayctl.config.fields import Seconds, StrictConfigModel
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.judge.rule_presets import RULES
from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import RuleSet
from gatewayctl.domain.judge.settings import LOW_TRAFFIC, STANDARD, Settings
from gatewayctl.domain.ramp import PRESETS, Judging, Ramp, Step, Undecided

SIGNALS = {"standard": STANDARD, "low-traffic": LOW_TRAFFIC}

RuleText = Annotated[str, Field(min_length=1, max_length=200)]


class StepModel(StrictConfigModel):
    """One of `ramp.steps:`"""

    share: int = Field(ge=1, le=100)
    seconds: Seconds = Field(alias="for")
    replicas: int = Field(default=0, ge=0, le=10_000)


class RulesModel(StrictConfigModel):
    """`ramp.judge.rules:` written out"""

    require: tuple[RuleText, ...] = ()
    fail: tuple[RuleText, ...] = ()
    watch: tuple[RuleText, ...] = ()

    @field_validator("require", "fail", "watch")
    @classmethod
    def _are_rules(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            try:
                parse_rule(text)
            except UsageFault as fault:
                raise ValueError(f"{fault}; {fault.hint}") from fault
        return texts

    @property
    def rules(self) -> RuleSet:
        """The rules that the texts say."""
        require, fail, watch = (tuple(map(parse_rule, texts)) for texts in (self.require, self.fail, self.watch))
        return RuleSet(require, fail, watch)


class JudgeModel(StrictConfigModel):
    """`ramp.judge:`"""

    source: Literal["gateway", "prometheus"]
    undecided: Literal["wait", "fail", "ask"]
    signals: Literal["standard", "low-traffic", "none"] = "standard"
    leave_out: tuple[Literal["errors", "p50", "p95", "p99", "mean", "traffic"], ...] = ()
    rules: str | RulesModel = RulesModel()
    alpha: float = Field(default=0.01, gt=0, lt=0.5)
    beta: float = Field(default=0.05, gt=0, lt=0.5)
    observe: Seconds = 60.0
    warm_up: Seconds = 60.0
    patience: Seconds = 600.0

    @field_validator("rules")
    @classmethod
    def _are_known(cls, rules: str | RulesModel) -> str | RulesModel:
        if isinstance(rules, str) and rules not in RULES:
            raise ValueError(f"expected one of {', '.join(RULES)}, or require, fail and watch; got {rules!r}")
        return rules

    @model_validator(mode="after")
    def _decides_by_something(self) -> "JudgeModel":
        if not self.judging.settings.signals and not self.judging.settings.rules.require:
            raise ValueError("signals: none needs rules that a canary has to keep, under rules.require")
        return self

    @property
    def judging(self) -> Judging:
        """In domain terms."""
        rules = RULES[self.rules] if isinstance(self.rules, str) else self.rules.rules
        settings = Settings(
            signals=tuple(one for one in SIGNALS.get(self.signals, ()) if one.name not in self.leave_out),
            rules=rules,
            alpha=self.alpha,
            beta=self.beta,
            observe=self.observe,
            warm_up=self.warm_up,
        )
        return Judging(self.source, settings, Undecided(self.undecided), self.patience)


class RampModel(StrictConfigModel):
    """`apps.NAME.ramp:`"""

    steps: str | tuple[StepModel, ...]
    judge: JudgeModel | Literal["none"]

    @field_validator("steps")
    @classmethod
    def _climb(cls, steps: "str | tuple[StepModel, ...]") -> "str | tuple[StepModel, ...]":
        if isinstance(steps, str):
            if steps not in PRESETS:
                raise ValueError(f"expected one of {', '.join(PRESETS)}, or a list of steps; got {steps!r}")
            return steps
        if not 1 <= len(steps) <= 100:
            raise ValueError(f"expected 1 to 100 steps, got {len(steps)}")
        for what in ("share", "replicas"):
            values = [value for step in steps if (value := getattr(step, what))]
            if values != sorted(values) or (what == "share" and len(set(values)) < len(values)):
                raise ValueError(f"expected steps that climb, got {what} {', '.join(map(str, values))}")
        return steps

    @property
    def ramp(self) -> Ramp:
        """In domain terms."""
        judging = None if isinstance(self.judge, str) else self.judge.judging
        if isinstance(self.steps, str):
            return Ramp(PRESETS[self.steps], judging)
        return Ramp(tuple(Step(one.share, one.seconds, one.replicas) for one in self.steps), judging)
