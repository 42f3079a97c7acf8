"""Each dialect on mutated files: an edit is right and can be undone, or the file is refused in our own words.

Nothing else may happen: no other exception, no other change, no file that takes long. The short test tries the same
files on every machine. The long one (`make e2e-all`) tries new ones each time, and prints how to repeat a failure.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, RouteView, SourceFile, is_own
from gatewayctl.gateways.registry import GATEWAYS, gateway
from gatewayctl.ports import Dialect
from tests.fuzz.mutations import mutate, mutations
from tests.fuzz.seeds import Seed, seeds

FEW = 150
MANY = 4000
MOST_MUTATIONS = 3
_SECONDS = 20.0  # of processor time for one file of some kilobytes: a thousand times what it takes

_INDEX = re.compile(r"\[\d+\]")

Case = tuple[Files, CanaryRule]


def cases(kind: str) -> st.SearchStrategy[Case]:
    """A seed with mutations in one of its files, and a rule for one of its services."""
    texts = [file.text for seed in seeds(kind) for file in seed.files]

    @st.composite
    def draw_case(draw: st.DrawFn) -> Case:
        seed: Seed = draw(st.sampled_from(seeds(kind)))
        service = draw(st.sampled_from(seed.services))
        rule = a_rule(service, draw(st.sampled_from(["", "10.0.0.9"])), draw(st.booleans()))
        files = seed.files
        if draw(st.booleans()):
            files = _insert_if_possible(gateway(kind).dialect, files, rule)
        place = draw(st.integers(0, len(files) - 1))
        text = mutate(files[place].text, texts, draw(mutations(MOST_MUTATIONS)))
        return (*files[:place], SourceFile(files[place].name, text), *files[place + 1 :]), rule

    return draw_case()


def a_rule(service: str, host: str = "", fallback: bool = False) -> CanaryRule:
    """A rule of the application `app`."""
    return CanaryRule("app", service, f"{service}-canary", Header("x-canary", "always"), "r-1", host, fallback)


def _insert_if_possible(dialect: Dialect, files: Files, rule: CanaryRule) -> Files:
    try:
        return dialect.insert(files, rule).apply(files)
    except Refused:
        return files


def check_edit(dialect: Dialect, files: Files, rule: CanaryRule) -> str:
    """What became of one edit: `refused`, or `edited`. Fails where it is neither right nor refused, or takes long."""
    started = time.process_time()
    outcome = _edit(dialect, files, rule)
    assert time.process_time() - started < _SECONDS
    return outcome


def _edit(dialect: Dialect, files: Files, rule: CanaryRule) -> str:
    try:
        change = dialect.insert(files, rule)
        before = dialect.remove(files, rule.app).apply(files)  # a rule that was there may be damaged
    except Refused:
        return "refused"
    after = change.apply(files)
    assert dialect.remove(after, rule.app).apply(after) == before
    assert dialect.insert(after, rule).stages == ()
    assert all(_only_adds(old, new) for old, new in zip(before, after, strict=True))
    found = dialect.routes(after)
    assert _others(found) == _others(dialect.routes(before))
    assert change.covered
    assert any(is_own(route) for route in found)
    return "edited"


def _only_adds(old: SourceFile, new: SourceFile) -> bool:
    """Whether every character of the old text is in the new one, in the same order; a properties file counts anew."""
    texts = (old.text, new.text)
    kept, written = (_INDEX.sub("", text) if old.name.endswith(".properties") else text for text in texts)
    rest = iter(written)
    return all(character in rest for character in kept)


def _others(routes: Iterable[RouteView]) -> Counter[tuple[str, str, str]]:
    return Counter((route.place, route.match, route.target) for route in routes if not is_own(route))


@pytest.mark.parametrize("kind", sorted(GATEWAYS))
def test_a_mutated_file_is_edited_rightly_or_refused(kind):
    seen: Counter[str] = Counter()

    @settings(max_examples=FEW, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(kind))
    def try_one(case: Case) -> None:
        seen[check_edit(gateway(kind).dialect, *case)] += 1

    try_one()

    assert seen["edited"] >= FEW // 20  # else the mutations leave nothing to edit
    assert seen["refused"] >= FEW // 20


@pytest.mark.all
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", sorted(GATEWAYS))
def test_four_thousand_mutated_files_are_edited_rightly_or_refused(kind):
    @settings(max_examples=MANY, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(cases(kind))
    def try_one(case: Case) -> None:
        check_edit(gateway(kind).dialect, *case)

    try_one()
