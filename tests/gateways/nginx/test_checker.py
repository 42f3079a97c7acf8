"""The check by the real nginx: an edit that it would not load is found before it is published."""

import pytest

from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.nginx.checker import NginxChecker
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.samples import http, insert, location, one

pytestmark = [pytest.mark.sandbox, needs_nginx]

CHECKER = NginxChecker()
TLS = (
    "user nobody;\nload_module modules/none.so;\nevents {}\nhttp {\n  include /nowhere/mime.types;\n"
    "  access_log /nowhere/access.log combined;\n  proxy_cache_path /nowhere levels=1:2 keys_zone=z:1m;\n"
    "  resolver kube-dns.kube-system.svc;\n  upstream orders { server orders:80; keepalive 3; }\n"
    "  server {\n    listen 80;\n    listen [::]:80 ipv6only=on reuseport;\n    listen 443 ssl http2 default_server;\n"
    "    ssl_certificate /nowhere/a.crt; ssl_certificate_key /nowhere/a.key; ssl_dhparam /nowhere/dh;\n"
    "    ssl_client_certificate /nowhere/ca; ssl_verify_client on; ssl_stapling on;\n"
    "    location / { proxy_cache z; proxy_pass https://web:8443; proxy_ssl_verify on; "
    "proxy_ssl_trusted_certificate /nowhere/ca; }\n"
    "    location /o { proxy_pass http://orders2; auth_basic x; auth_basic_user_file /nowhere; }\n  }\n}\n"
)
LOADABLE = {
    "a whole file": one(location("proxy_pass http://orders:8080;")),
    "a file of conf.d": one("server { location / { proxy_pass http://orders; } }"),
    "locations": one("location /a { proxy_pass http://orders; }"),
    "a snippet": one("proxy_set_header Host $host;\nproxy_pass http://orders;"),
    "names, certificates, logs and caches that are not here": one(TLS.replace("orders2", "orders")),
    "a file and what it includes": (
        SourceFile("nginx.conf", "events {}\nhttp { include conf.d/*.conf; }\n"),
        SourceFile("conf.d/a.conf", "server { location / { proxy_pass http://orders; } }\n"),
    ),
    "a placeholder": one(location("proxy_pass http://orders:8080; proxy_set_header X ${TEAM};")),
}


@pytest.mark.shows("nginx", "own check")
@pytest.mark.parametrize("case", LOADABLE)
def test_an_edit_that_nginx_would_load_is_accepted(case):
    files = LOADABLE[case]

    result = CHECKER.check(files, insert(files))

    assert (result.ok, result.checked, result.detail) == (True, True, "")


FAULTS = {
    "a directive that is misspelt": ("proxy_pass http://10.0.0.9", "proxy_pas http://10.0.0.9", "unknown directive"),
    "a uri inside an if": ("10.0.0.9:8080;", "10.0.0.9:8080/x;", "cannot have URI part"),
    "an if inside an if": ("add_header x", "if ($x) { } add_header x", '"if" directive is not allowed here'),
    "a variable that nobody sets": ("$http_x_canary", "$htp_x_canary", 'unknown "htp_x_canary" variable'),
    "no configuration any more": ("if (", "if ", "invalid condition"),
}


@pytest.mark.shows("nginx", "own check")
@pytest.mark.parametrize("fault", FAULTS)
def test_what_nginx_would_not_load_is_not_ok(fault):
    files = one(location("proxy_pass http://orders:8080;"))
    old, new, words = FAULTS[fault]
    after = insert(files)[0].text
    assert old in after

    result = CHECKER.check(files, one(after.replace(old, new, 1)))

    assert (result.ok, result.checked) == (False, True)
    assert words in result.detail
    assert "/tmp" not in result.detail


def test_directives_of_modules_that_are_not_here_are_left_out_and_named():
    files = one(http("    more_set_headers 'A: b';\n    location / { brotli on; proxy_pass http://orders; }\n"))

    result = CHECKER.check(files, insert(files))

    assert (result.ok, result.checked) == (True, True)
    assert result.detail == "checked without brotli, more_set_headers: unknown to nginx here"


def test_variables_of_modules_that_are_not_here_are_made_up_and_named():
    files = one(location("proxy_set_header X $geoip2_country;\nproxy_pass http://orders;"))

    assert CHECKER.check(files, insert(files)).detail == "checked without geoip2_country: unknown to nginx here"


def test_a_file_that_nginx_did_not_load_before_is_not_checked():
    files = one(location("root a b c;\nproxy_pass http://orders:8080;"))

    result = CHECKER.check(files, insert(files))

    assert (result.ok, result.checked) == (True, False)
    assert result.detail.startswith(
        "not checked: nginx does not load the files as they were: invalid number of arguments"
    )


def test_an_edit_that_cannot_be_read_is_not_ok():
    files = one(location("proxy_pass http://orders:8080;"))

    result = CHECKER.check(files, one(files[0].text + "}"))

    assert (result.ok, result.checked) == (False, True)


def test_without_a_binary_it_says_so(tmp_path):
    files = one(location("proxy_pass http://orders:8080;"))

    result = NginxChecker(str(tmp_path / "none")).check(files, insert(files))

    assert (result.ok, result.checked) == (True, False)
    assert result.detail.startswith("not checked: ")
