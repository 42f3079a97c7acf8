"""No regular expression of the package takes quadratic time on a text that somebody else wrote."""

import re
import time

import pytest

from tests.patterns import Attack, UsedPattern, inline_calls, used_patterns

_SHORT, _LONG = 1_000, 4_000  # characters
# Four times the text may take linear work four times as long; quadratic work takes sixteen times as long.
_MOST = 8
_ROUNDS = 3

# Expressions that look quadratic here, and why they are not where they are used.
_BOUNDED = {
    "gatewayctl.gateways.nginx.tree._SIMPLE": "tried once for each directive, at its first word",
}
# Expressions that are not compiled at import, and what bounds the text they are used on.
_INLINE = {
    "gatewayctl.adapters.kubernetes.doctor.service_registry:_normalise": "one class of characters: linear",
    "gatewayctl.adapters.kubernetes.jobs.bundle:_keys": "one class of characters: linear",
    "gatewayctl.adapters.metrics.prometheus.counters:_counters": "of the configuration, on one label's value",
    "gatewayctl.adapters.sandbox.mount:localise": "the mount path and no repetition: linear",
    "gatewayctl.adapters.sandbox.nginx:replace_names": "the sandbox's own file; each run of blanks follows a word",
    "gatewayctl.adapters.sandbox.world:_parse_seconds": "a duration, matched from its start: linear",
    "gatewayctl.config.fields:parse_duration": "a duration, matched from its start: linear",
    "gatewayctl.config.metrics_model:_is_a_pattern": "compiled to see whether it can be, and not used",
    "gatewayctl.domain.costly_patterns:_may_be_slash": "three characters and no repetition: linear",
    "gatewayctl.domain.coverage:_takes": "a gateway's expression on one path, unless it could be costly",
    "gatewayctl.domain.pytest_options:refuse_variable": "one class of characters: linear",
    "gatewayctl.domain.routing:_permit_uri": "a URI of the configuration, matched from its start: linear",
    "gatewayctl.gateways.object_form:_key": "one class of characters: linear",
    "gatewayctl.gateways.nginx.validation_copy:_quote_name": "one class of characters: linear",
    "gatewayctl.gateways.springcloud.examples:_read_path": "one class of characters: linear",
}

PATTERNS = used_patterns()


def cost(pattern: UsedPattern, method: str, text: str, rounds: int = _ROUNDS) -> float:
    """Processor time of this thread, the least of some rounds: other processes do not count."""
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        pattern.run(method, text)
        times.append(time.thread_time() - start)
    return min(times)


def is_quadratic(pattern: UsedPattern, method: str, attack: Attack, least: float) -> bool:
    """Whether four times the text takes far more than four times as long. Below `least`, work is not quadratic."""
    if cost(pattern, method, attack.text(_LONG), rounds=1) < least:
        return False
    shorter, longer = (cost(pattern, method, attack.text(size)) for size in (_SHORT, _LONG))
    if longer < least or longer < _MOST * shorter:
        return False
    # Once more with twice the text: a process that was disturbed, or asked for memory, is no proof.
    shorter, longer = (cost(pattern, method, attack.text(2 * size), rounds=2) for size in (_SHORT, _LONG))
    return longer >= _MOST * shorter


def find_slow_use(pattern: UsedPattern) -> str:
    """A method and a text on which the expression takes quadratic time; empty if there is none."""
    known = UsedPattern("known to be quadratic", re.compile("a*b"), frozenset({"search"}))
    least = cost(known, "search", "a" * _LONG) / 20
    for method in sorted(pattern.methods):
        for attack in pattern.attacks():
            if is_quadratic(pattern, method, attack, least):
                return f"{method} on {attack}"
    return ""


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.place.removeprefix("gatewayctl."))
def test_no_expression_takes_quadratic_time(pattern):
    found = find_slow_use(pattern)

    assert bool(found) == (pattern.place in _BOUNDED), found


@pytest.mark.parametrize(
    ("expression", "method"),
    [
        (r".*error initializing configuration '[^']*': ?", "sub"),
        (r"^\s*(daemon|pid)\s", "search"),
        (r"\[([^\]]*)\]|x", "finditer"),
        (r"passw\w*[=:]", "search"),
        (r"(a|b)+c|\s+$", "search"),
    ],
)
def test_a_quadratic_expression_is_found(expression, method):
    pattern = UsedPattern("a test", re.compile(expression, re.MULTILINE), frozenset({method}))

    assert find_slow_use(pattern).startswith(method)


def test_the_expressions_of_every_product_are_among_those_that_are_tried():
    places = {pattern.place.rpartition(".")[0] for pattern in PATTERNS}

    for room in ("envoy.locate", "envoy.checker", "nginx.tree", "springcloud.uris", "httproute.locate"):
        assert f"gatewayctl.gateways.{room}" in places


def test_every_expression_that_is_not_compiled_at_import_is_listed_with_what_bounds_it():
    assert inline_calls() == sorted(_INLINE)
