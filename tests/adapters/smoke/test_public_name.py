"""locust's users under the gateway's public name: redirects, cookies and strangers are as their users have them."""

import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gatewayctl.domain.judgement import Verdict
from gatewayctl.domain.load_verdicts import judge_load
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.trial import Load
from tests.adapters.smoke.gateway import HEADER, HOST, LoopbackGateway, run_gateway
from tests.certificates import Authority, make_authority, needs_openssl
from tests.marks import keep

LIMITS = Load(file="locustfile.py", slack=1.0, samples=10)
USERS = ["HttpUser", "FastHttpUser", "PairedUser"]

VISIT = """
    from locust import FastHttpUser, HttpUser, constant, task
    from gatewayctl.load import PairedUser

    class Visitor({user}):
        wait_time = constant(0.01)

        @task
        def visit(self):
            {visit}
"""


@pytest.fixture
def stranger() -> Iterator[LoopbackGateway]:
    """A server that is not the gateway."""
    with run_gateway(replicas=1) as other:
        yield other


@pytest.fixture
def visit(gateway, run_load):
    """A function that runs a load whose task is `task`, under the public name."""

    def visit(user: str, task: str, text: str = VISIT, **options):
        options = {
            "users": 8,
            "enough": 10,
            "endpoints": replace(gateway.endpoints(), base_url=f"http://{HOST}"),
        } | options
        return run_load(text.format(user=user, visit=task), **options)

    return visit


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.all)])
def test_both_versions_are_asked_at_every_replica_by_the_public_name(gateway, visit, user, workers):
    result = visit(user, "self.client.get('/items')", workers=workers)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert {(seen.replica, seen.mark) for seen in gateway.seen} == {
        (url, mark) for url in gateway.urls for mark in ("", HEADER.value)
    }
    assert {seen.host for seen in gateway.seen} == {HOST}
    assert result.canary.requests + result.stable.requests == len(gateway.seen)


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
def test_an_absolute_redirect_stays_at_the_gateway(gateway, visit, user):
    gateway.redirects["/old"] = f"http://{HOST}/items"
    result = visit(user, "self.client.get('/old')")

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    marks = {path: {seen.mark for seen in gateway.seen if seen.path == path} for path in ("/old", "/items")}
    assert marks == {"/old": {"", HEADER.value}, "/items": {"", HEADER.value}}


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
def test_a_cookie_of_the_domain_is_sent_back(gateway, visit, user):
    gateway.cookies["/login"] = f"session=abc; Domain={HOST}; Path=/"
    visit(user, "self.client.get('/login'); self.client.get('/items')")

    assert {seen.cookie for seen in gateway.seen if seen.path == "/items"} == {"session=abc"}


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
@pytest.mark.parametrize("end", ["/from-nobody", "/items"])
def test_a_redirect_to_a_stranger_takes_nothing_of_ours_along(gateway, stranger, visit, user, end):
    gateway.redirects["/login"] = f"{stranger.urls[0]}{end}"
    result = visit(user, "self.client.get('/items'); self.client.get('/login')")

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.PASS, judgement
    assert {seen.mark for seen in stranger.seen} == {""}
    assert {seen.host for seen in stranger.seen} == {stranger.urls[0].removeprefix("http://")}
    assert result.by_name["GET /login"][1].requests > 0
    assert result.by_name["GET /login"][1].latency.total == 0  # the stranger's time is not the gateway's


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
def test_a_stranger_that_does_not_answer_is_not_charged_to_the_canary(gateway, visit, user):
    with run_gateway(replicas=1) as closed:
        gateway.redirects["/login"] = f"{closed.urls[0]}/"
    result = visit(user, "self.client.get('/items'); self.client.get('/login')")

    judgement = judge_load(result, LIMITS)
    assert judgement.verdict is Verdict.PASS, judgement
    assert result.canary.errors == result.stable.errors == 0


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
def test_the_way_back_from_a_stranger_is_marked_again(gateway, stranger, visit, user):
    gateway.redirects["/login"] = f"{stranger.urls[0]}/sign-in"
    stranger.redirects["/sign-in"] = f"http://{HOST}/items"
    result = visit(user, "self.client.get('/login')")

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert {seen.mark for seen in stranger.seen} == {""}
    assert {seen.mark for seen in gateway.seen if seen.path == "/items"} == {"", HEADER.value}


@pytest.mark.parametrize("user", keep(USERS, "HttpUser", "FastHttpUser"))
def test_the_host_of_the_locustfile_does_not_count(gateway, visit, user):
    result = visit(user, "self.client.get('/items')\n\n        host = 'http://production.example.com'")

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert {seen.host for seen in gateway.seen} == {HOST}


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("pki") / "authority")


@pytest.fixture
def over_tls(authority) -> Iterator[tuple[LoopbackGateway, Tls]]:
    """A gateway that asks for a certificate of the client, and how a client speaks to it."""
    server, client = authority.issue(HOST), authority.issue("visitor")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with run_gateway(tls=context) as gateway:
        yield gateway, Tls(str(authority.ca), str(client.certificate), str(client.key))


@needs_openssl
@pytest.mark.parametrize("user", keep([*USERS, "CheckingUser"], "HttpUser", "FastHttpUser"))
def test_a_secure_cookie_is_sent_back_over_tls(over_tls, stranger, visit, user):
    gateway, tls = over_tls
    gateway.cookies["/login"] = "session=abc; Secure; Path=/"
    gateway.redirects["/away"] = f"{stranger.urls[0]}/items"
    tasks = ["self.client.get('/login')", "self.client.get('/items')", "self.client.get('/away')"]
    checking = "\n\n    class CheckingUser(FastHttpUser):\n        insecure = False\n        abstract = True"
    text = VISIT.replace("import PairedUser", f"import PairedUser{checking}")
    endpoints = replace(gateway.endpoints(), base_url=f"https://{HOST}", tls=tls)
    result = visit(user, "; ".join(tasks), endpoints=endpoints, text=text)

    assert judge_load(result, LIMITS).verdict is Verdict.PASS, judge_load(result, LIMITS)
    assert {seen.cookie for seen in gateway.seen if seen.path == "/items"} == {"session=abc"}
    assert {seen.replica for seen in gateway.seen} == set(gateway.urls)
    assert {seen.mark for seen in stranger.seen} == {""}


@needs_openssl
@pytest.mark.parametrize("user", ["HttpUser", "CheckingUser"])
def test_a_certificate_of_an_unknown_authority_is_not_trusted(over_tls, visit, user):
    gateway, tls = over_tls
    checking = "\n\n    class CheckingUser(FastHttpUser):\n        insecure = False\n        abstract = True"
    text = VISIT.replace("import PairedUser", f"import PairedUser{checking}")
    endpoints = replace(gateway.endpoints(), base_url=f"https://{HOST}", tls=replace(tls, ca=""))
    result = visit(user, "self.client.get('/items')", endpoints=endpoints, text=text)

    assert result.canary.errors == result.canary.requests > 0
    assert gateway.seen == []
