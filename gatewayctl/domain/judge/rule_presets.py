"""Rules that can be used by name, as teams have them in their own pipelines."""

from gatewayctl.domain.judge.rule_text import parse_rule
from gatewayctl.domain.judge.rules import Rule, RuleSet


def _rules(*texts: str) -> tuple[Rule, ...]:
    return tuple(map(parse_rule, texts))


RULES: dict[str, RuleSet] = {
    "gates": RuleSet(
        require=_rules("error_rate < 0.1% of at least 1000", "p95 < 2s of at least 100", "cpu < 80%", "memory < 80%"),
        fail=_rules("error_rate > 1% of at least 100", "p95 > 5s of at least 20", "OOMKilled >= 2"),
        watch=_rules("error_rate > 0.5% of at least 100"),
        least=1800.0,
    ),
    "breaker": RuleSet(
        fail=_rules(
            "error_rate > 1% for 2m of at least 100",
            "mean > 500ms of at least 100",
            "critical_success < 99.9%",
        ),
    ),
    "baseline": RuleSet(require=_rules("error_rate <= 1.5 x stable of at least 100", "p99 <= 200ms of at least 100")),
    "golden": RuleSet(
        fail=_rules(
            "traffic < 50% of at least 200",
            "traffic > 150% of at least 200",
            "p99 > 800ms of at least 100",
            "memory_available < 20%",
        ),
    ),
}
"""`cpu`, `memory`, `memory_available` (0..1), `critical_success` (0..1) and `OOMKilled` (how many since the release
began) are gauges that a source has to give. Where none does, a canary never passes."""
