"""Several files of one gateway, and what they include."""

from gatewayctl.domain.routing import SourceFile
from tests.gateways.nginx.samples import (
    DIALECT,
    UPSTREAM,
    WITH_UPSTREAM,
    a_rule,
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

    assert len(notes) == 2
    assert "the canary sees its own address as Host" in notes[0]
    assert "response headers" in notes[1]
