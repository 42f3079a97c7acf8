"""Several files of one gateway, and what they include."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import SourceFile
from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.nginx.includes import Config
from gatewayctl.gateways.nginx.tree import read
from tests.gateways.nginx.product import needs_nginx
from tests.gateways.nginx.samples import (
    DIALECT,
    UPSTREAM,
    WITH_UPSTREAM,
    a_rule,
    insert,
    one,
)


def test_files_that_include_each_other_are_one_configuration():
    main = SourceFile(
        "nginx.conf",
        "events {}\nhttp {\n  add_header x-up 1;\n  resolver 10.96.0.10;\n  include /etc/nginx/conf.d/*.conf;\n}\n",
    )
    part = SourceFile("conf.d/shop.conf", "server {\n  location / {\n    proxy_pass http://orders.shop.svc;\n  }\n}\n")

    change = DIALECT.insert((main, part), a_rule(canary_host=""))

    (stage,) = change.stages
    assert [file.name for file in stage] == ["conf.d/shop.conf"]
    assert "add_header x-up 1;" in stage[0].text
    assert "set $gatewayctl_orders_host orders-canary.shop.svc;" in stage[0].text
    assert change.notes == ()


def test_a_pass_in_an_included_snippet_gets_its_canary_there():
    site = SourceFile("site.conf", "server {\n  location /api/ {\n    include snippets/orders.conf;\n  }\n}\n")
    snippet = SourceFile("snippets/orders.conf", "proxy_set_header Host $host;\nproxy_pass http://orders/v1/;\n")

    change = DIALECT.insert((site, snippet), a_rule())

    assert [file.name for file in change.stages[0]] == ["snippets/orders.conf"]
    assert 'rewrite "(?s)^/api/(.*)" "/v1/$1" break;' in change.stages[0][0].text
    assert DIALECT.remove(change.apply((site, snippet)), "orders").apply(change.apply((site, snippet))) == (
        site,
        snippet,
    )


def test_files_that_include_each_other_in_a_circle_are_expanded_once():
    files = (
        SourceFile("a.conf", "include *.conf;\nserver { location / { proxy_pass http://orders; } }\n"),
        SourceFile("b.conf", "include *.conf;\n"),
    )

    assert len(DIALECT.insert(files, a_rule()).covered) == 1


def test_an_include_means_the_files_of_its_folder_where_there_are_any():
    main = SourceFile("nginx.conf", "http { include a/*.conf; server { listen 1; include b/*.conf; } }\n")
    first = SourceFile("a/up.conf", "upstream orders { server orders:80; }\n")
    second = SourceFile("b/up.conf", "location / { proxy_pass http://orders; }\n")

    change = DIALECT.insert((main, first, second), a_rule())

    assert change.covered[0].place == "1"
    assert "server 10.0.0.9:80;" in change.apply((main, first, second))[1].text


def test_the_upstream_of_another_file_is_written_in_the_same_stage():
    files = (SourceFile("up.conf", UPSTREAM), SourceFile("shop.conf", WITH_UPSTREAM.removeprefix(UPSTREAM)))

    change = DIALECT.insert(files, a_rule())

    assert [[file.name for file in stage] for stage in change.stages] == [["up.conf", "shop.conf"]]
    assert DIALECT.remove(change.apply(files), "orders").apply(change.apply(files)) == files


def test_notes_name_the_headers_that_a_missing_file_may_set():
    notes = DIALECT.insert(one("server { location / { proxy_pass http://orders; } }"), a_rule()).notes

    assert len(notes) == 3
    assert "the canary sees its own address as Host" in notes[0]
    assert "response headers" in notes[1]
    assert "orders is written without a port" in notes[2]


# As Debian's package installs it, with a Host header and a response header for every server.
DEBIAN = """\
user www-data;
include /etc/nginx/modules-enabled/*.conf;
events {}
http {
  include /etc/nginx/mime.types;
  proxy_set_header Host $host;
  add_header x-frame-options DENY;
  include /etc/nginx/conf.d/*.conf;
  include /etc/nginx/sites-enabled/*;
}
"""
SHOP = "server {\n  location / {\n    proxy_pass http://orders:8080;\n  }\n}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gw}\ndata:\n  nginx.conf: |\n%s  shop.conf: |\n%s"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


DEBIAN_FILES = {
    "in the gateway's own folders": (
        SourceFile("/etc/nginx/nginx.conf", DEBIAN),
        SourceFile("/etc/nginx/conf.d/shop.conf", SHOP),
    ),
    "in a checkout": (SourceFile("gw/nginx.conf", DEBIAN), SourceFile("gw/conf.d/shop.conf", SHOP)),
    "among the sites": (SourceFile("nginx.conf", DEBIAN), SourceFile("sites-enabled/shop", SHOP)),
    "under another name of the folder": (
        SourceFile("nginx.conf", DEBIAN),
        SourceFile("sites-available/shop.conf", SHOP),
    ),
    "in one folder": (SourceFile("gw/nginx.conf", DEBIAN), SourceFile("gw/shop.conf", SHOP)),
    "with a file of modules": (
        SourceFile("nginx.conf", DEBIAN),
        SourceFile("modules-enabled/50-brotli.conf", "load_module modules/brotli.so;\n"),
        SourceFile("conf.d/shop.conf", SHOP),
    ),
    "in a ConfigMap": (SourceFile("gw.yaml", CONFIG_MAP % (indented(DEBIAN), indented(SHOP))),),
}


@pytest.mark.parametrize("case", DEBIAN_FILES)
def test_an_include_of_modules_hides_nothing_of_the_http_level(case):
    files = DEBIAN_FILES[case]

    after = insert(files)

    text = "".join(file.text for file in after if file not in files)
    assert "add_header x-frame-options DENY;\n" in text[text.index("if ($http_x_canary") :]
    assert "proxy_set_header Host orders" not in text


@needs_nginx
@pytest.mark.sandbox
@pytest.mark.parametrize("case", DEBIAN_FILES)
def test_an_include_of_modules_keeps_no_edit_from_being_checked(case):
    files = DEBIAN_FILES[case]

    validation = NginxChecker().check(files, insert(files))

    assert (validation.ok, validation.checked, validation.detail) == (True, True, "")


def test_an_include_of_which_no_file_was_given_is_told_once_with_its_line():
    notes = DIALECT.insert(DEBIAN_FILES["in a checkout"], a_rule()).notes

    assert notes[0] == (
        "gw/nginx.conf:9: no file given is included here (/etc/nginx/sites-enabled/*): settings in it are unknown"
    )
    assert not any("modules-enabled" in note for note in notes)


def test_an_include_takes_no_file_that_cannot_stand_there():
    main = SourceFile("nginx.conf", "events {}\nhttp { server { listen 1; include extra/*.conf; } }\n")
    other = SourceFile("shop.conf", "upstream orders { server orders:80; }\n" + SHOP)

    assert DIALECT.insert((main, other), a_rule()).covered[0].place == "server"


def test_an_include_in_two_blocks_takes_a_file_by_its_whole_name_only():
    def two_servers(pattern: str) -> SourceFile:
        servers = "".join(f"server {{ listen {port}; include {pattern}; }}\n" for port in (1, 2))
        return SourceFile("nginx.conf", f"events {{}}\nhttp {{\n{servers}}}\n")

    part = SourceFile("orders.inc", "location /o { proxy_pass http://orders:80; }\n")

    assert not Config((two_servers("a/*.inc"), part)).is_included(read(part)[0])
    assert Config((two_servers("a/orders.inc"), part)).is_included(read(part)[0])


def test_a_note_that_is_true_in_many_places_is_told_once_with_their_number():
    text = "".join(f"  location /{number} {{ proxy_pass http://orders:80; }}\n" for number in range(24))

    notes = DIALECT.insert(one(f"server {{\n{text}}}\n"), a_rule()).notes

    assert len(notes) == 2
    assert notes[0].startswith("shop.conf:2 and 23 more places: no Host header is set here")
    assert notes[1].startswith("shop.conf:2 and 23 more places: response headers")


def test_an_upstream_of_a_file_not_given_is_refused_with_its_line_unless_the_port_is_given():
    files = (SourceFile("nginx.conf", DEBIAN), SourceFile("conf.d/shop.conf", SHOP.replace(":8080", "")))

    with pytest.raises(Refused, match=r"^conf.d/shop.conf:3: no file given defines the upstream orders") as why:
        insert(files)

    assert "--canary-host IP:PORT" in why.value.hint
    assert "proxy_pass http://10.0.0.9:8080;" in insert(files, a_rule(canary_host="10.0.0.9:8080"))[1].text


def test_a_name_without_a_port_in_a_file_of_its_own_is_told():
    notes = DIALECT.insert(one(SHOP.replace(":8080", "")), a_rule()).notes

    assert any(note.startswith("shop.conf:3: orders is written without a port") for note in notes)
