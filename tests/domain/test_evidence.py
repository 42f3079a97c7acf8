"""Who answered: stamp and the application's own word must agree, and no evidence is nobody."""

import pytest

from gatewayctl.domain.evidence import Answer, Attribution, AttributionRule, Identify, Identity

CANARY, STABLE, UNKNOWN = Attribution.CANARY, Attribution.STABLE, Attribution.UNKNOWN
IDENTITY = Identity("orders", "orders-canary", "1.0", "1.1")


def attribution(**changes: object) -> AttributionRule:
    return AttributionRule(Identify(), IDENTITY, "x-gatewayctl-release", "r-1", **changes)  # type: ignore[arg-type]


def answer(word: str = "", stamp: str = "", status: int = 200) -> Answer:
    headers = {"x-served-by": word, "x-gatewayctl-release": stamp}
    return Answer(status, {name: value for name, value in headers.items() if value})


@pytest.mark.parametrize(
    ("word", "stamp", "who"),
    [
        ("orders-canary-7f9c-x2x4v", "r-1", CANARY),
        ("orders-7f9c-x2x4v", "", STABLE),
        ("1.1", "r-1", CANARY),
        ("1.0", "", STABLE),
        ("orders-7f9c-x2x4v", "r-1", UNKNOWN),
        ("orders-canary-7f9c-x2x4v", "", UNKNOWN),
        ("orders-canary-7f9c-x2x4v", "r-2", UNKNOWN),
        ("orders-7f9c-x2x4v", "r-2", UNKNOWN),
        ("", "r-1", UNKNOWN),
        ("", "", UNKNOWN),
        ("payments-7f9c", "", UNKNOWN),
        ("ordersx-7f9c", "", UNKNOWN),
    ],
)
def test_an_answer_is_credited_only_when_gateway_and_application_agree(word, stamp, who):
    assert attribution().attribute(answer(word, stamp)) is who


def test_where_the_gateway_cannot_stamp_the_applications_word_decides():
    assert attribution(stamps=False).attribute(answer("orders-canary-1")) is CANARY
    assert attribution(stamps=False).attribute(answer("")) is UNKNOWN


def test_a_version_that_both_run_proves_nothing():
    same = Identity("orders", "orders-canary", "1.0", "1.0")

    assert same.who("1.0") is UNKNOWN
    assert same.who("orders-canary-0") is CANARY


@pytest.mark.parametrize(
    ("pointer", "body", "word"),
    [
        ("/pod", '{"pod": "orders-1"}', "orders-1"),
        ("/served/0/by", '{"served": [{"by": "orders-1"}]}', "orders-1"),
        ("/a~1b/m~0n", '{"a/b": {"m~n": "x"}}', "x"),
        ("/pod", '{"pod": 3}', ""),
        ("/pod", "no json", ""),
        ("/pod", "[]", ""),
        ("/pod/deeper", '{"pod": "orders-1"}', ""),
        ("/5", "[1]", ""),
        ("/pod", '{"pod": "orders-1", "tree": ' + "[" * 101 + "]" * 101 + "}", "orders-1"),
        ("/pod", "[" * 200_000, ""),
    ],
)
def test_a_json_pointer_reads_the_applications_word_or_nothing(pointer, body, word):
    assert Identify(header="", pointer=pointer).read(Answer(200, {}, body)) == word


@pytest.mark.parametrize(
    ("word", "who"),
    [
        ("orders-7d9f8b6c5-x2x4v", STABLE),  # a Deployment's
        ("orders-0", STABLE),  # a StatefulSet's
        ("orders-0a1fe", STABLE),  # the sandbox's
        ("orders", STABLE),
        ("orders-canary-7d9f8b6c5-x2x4v", CANARY),
        ("orders-api-7d9f8b6c5-x2x4v", UNKNOWN),
        ("orders-api-0", UNKNOWN),
        ("orders-canary-v2-7d9f8b6c5-x2x4v", UNKNOWN),
        ("orders-next-0", UNKNOWN),
        ("orders-2-7d9f8b6c5-x2x4v", UNKNOWN),
    ],
)
def test_a_pod_belongs_to_the_workload_whose_name_it_continues_as_the_platform_does(word, who):
    """q21: a neighbour whose name begins like ours was counted as stable."""
    assert Identity("orders", "orders-canary").who(word) is who


def test_of_workloads_that_are_known_the_longest_name_that_fits_decides():
    """q21: a name of a workload may look like the end of another one's Pod."""
    reverse = Identity("orders-v1", "orders")
    near = Identity("orders", "orders-canary", others=("orders-24688", "orders-bcdfg-24688"))

    assert reverse.who("orders-v1-7d9f8b6c5-x2x4v") is STABLE
    assert near.who("orders-24688") is UNKNOWN
    assert near.who("orders-bcdfg-24688") is UNKNOWN
    assert near.who("orders-bcdfg-24689") is STABLE


def test_a_long_name_that_kubernetes_cuts_off_is_still_known():
    stable = "a-deployment-with-a-name-of-fifty-five-characters-in-al"
    pod = f"{stable}-7d9f8b6c5-"[:58] + "x2x4v"

    assert Identity(stable, f"{stable}-canary").who(pod) is STABLE


POINTER = AttributionRule(Identify(header="", pointer="/pod"), IDENTITY, "x-gatewayctl-release", "r-1")


@pytest.mark.parametrize(
    ("body", "stamp", "who"),
    [
        # No place for a name: 204, HEAD, a stream that was not read, another format, another document.
        ("", "r-1", CANARY),
        ("<html>", "r-1", CANARY),
        ("[]", "r-1", CANARY),
        ('{"items": 3}', "r-1", CANARY),
        ('{"pod": null}', "r-1", CANARY),
        ("", "", STABLE),
        ("", "r-2", UNKNOWN),
        # The body names somebody, and must agree.
        ('{"pod": "orders-canary-0"}', "r-1", CANARY),
        ('{"pod": "orders-0"}', "", STABLE),
        ('{"pod": "orders-0"}', "r-1", UNKNOWN),
        ('{"pod": "payments-0"}', "r-1", UNKNOWN),
        ('{"pod": ""}', "r-1", UNKNOWN),
        ('{"pod": 3}', "r-1", UNKNOWN),
        ('{"pod": "orders-canary-0"}', "", UNKNOWN),
    ],
)
def test_where_a_body_cannot_name_a_version_the_stamp_of_the_gateway_decides(body, stamp, who):
    """Issue 13: one 204 or one streamed answer made a suite fail, although the stamp was right."""
    given = Answer(200, {"x-gatewayctl-release": stamp} if stamp else {}, body)

    assert POINTER.attribute_traffic(given) is who


@pytest.mark.parametrize("status", [0, 502, 503, 504])
def test_an_answer_that_the_gateway_may_have_made_itself_needs_a_name(status):
    assert POINTER.attribute_traffic(Answer(status, {"x-gatewayctl-release": "r-1"}, "no healthy upstream")) is UNKNOWN


def test_a_proof_needs_a_name_in_every_answer():
    assert POINTER.attribute(Answer(200, {"x-gatewayctl-release": "r-1"})) is UNKNOWN


def test_an_answer_of_a_suite_without_the_header_that_names_is_unknown():
    assert attribution().attribute_traffic(answer("", "r-1")) is UNKNOWN
    assert attribution(stamps=False).attribute_traffic(answer("")) is UNKNOWN


def test_without_a_stamp_a_body_that_cannot_name_a_version_shows_nothing():
    rule = AttributionRule(Identify(pointer="/pod"), IDENTITY, "x-gatewayctl-release", "r-1", stamps=False)

    assert rule.attribute_traffic(Answer(204, {})) is UNKNOWN
