"""Filters that look at the route's name treat the canary's requests as stable's: shown by a real Envoy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayctl.domain.routing import Files, SourceFile
from gatewayctl.gateways.envoy.product import PRODUCT
from gatewayctl.gateways.envoy.readback import EnvoyReadback
from tests.gateways.envoy.running import (
    NET,
    NamedUpstream,
    RunningEnvoy,
    publish_stages,
    running_envoy,
    running_upstreams,
    static_cluster,
)
from tests.gateways.envoy.samples import LISTENER, MANAGER, ROUTER, a_rule
from tests.gateways.loopback import free_port, until

DIALECT = PRODUCT.dialect
KEY, MARK = ("x-key", "secret"), ("x-canary", "always")

LUA = """\
        - name: envoy.filters.http.lua
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
            default_source_code:
              inline_string: |
                function envoy_on_request(handle)
                  local name = handle:streamInfo():routeName()
                  if name == "shop-orders" and handle:headers():get("x-key") ~= "secret" then
                    handle:respond({[":status"] = "401"}, "no key")
                  end
                end
"""
# As the language CEL has it: xds.route_name == "shop-orders"
RBAC = """\
        - name: envoy.filters.http.rbac
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
            rules:
              action: DENY
              policies:
                no-key:
                  permissions: [{ any: true }]
                  principals: [{ not_id: { header: { name: x-key, string_match: { exact: secret } } } }]
                  condition:
                    call_expr:
                      function: _==_
                      args:
                      - select_expr: { operand: { ident_expr: { name: xds } }, field: route_name }
                      - const_expr: { string_value: shop-orders }
"""
ROUTES = """\
              - name: shop-orders
                match: { prefix: /counted }
                stat_prefix: shop
                route: { cluster: orders }
              - match: { prefix: / }
                route: { cluster: orders }
                name: shop-orders
"""


def publish(running: RunningEnvoy, files: Files, canary: NamedUpstream) -> None:
    """Give every route its rule, and wait until the canary answers."""
    rule = a_rule(canary_host=canary.host)
    publish_stages(running, files, DIALECT.insert(files, rule), awaited=rule.canary)
    live = EnvoyReadback(running.admin)
    until(lambda: live.rule_of(running.replica, rule).routes == 2, "the rule to be live")
    until(lambda: running.ask("/", MARK, KEY)[1] == "canary", "the canary to answer")


def counted(running: RunningEnvoy, stat_prefix: str) -> int:
    """The good answers that Envoy has counted for the routes with this `stat_prefix`."""
    name = f"vhost.all.route.{stat_prefix}.upstream_rq_2xx"
    line = running.admin(running.replica, f"/stats?filter=^{name.replace('.', '[.]')}$").strip()
    return int(line.rpartition(": ")[2] or 0)


def files_with(guard: str, stable, host: str, port: int) -> Files:
    text = (
        f'resources:\n- "@type": {LISTENER}\n  name: http\n'
        f"  address: {{ socket_address: {{ address: {host}, port_value: {port} }} }}\n"
        f'  filter_chains:\n  - filters:\n    - name: http\n      typed_config:\n        "@type": {MANAGER}\n'
        f"        stat_prefix: http\n        http_filters:\n{guard}"
        f'        - {{ name: r, typed_config: {{ "@type": {ROUTER} }} }}\n'
        f"        route_config:\n          name: shop\n          virtual_hosts:\n"
        f'            - name: all\n              domains: ["*"]\n              routes:\n{ROUTES}'
    )
    return SourceFile("lds.yaml", text), static_cluster("orders", stable.host, stable.port)


@contextmanager
def shop(folder: Path, guard: str) -> Iterator[tuple[RunningEnvoy, Files, NamedUpstream]]:
    """A running Envoy without a rule whose requests go through the filter `guard`, its files, and the canary."""
    with running_upstreams(f"{NET}.3", f"{NET}.4") as (stable, canary):
        port = free_port(f"{NET}.10")
        files = files_with(guard, stable, f"{NET}.10", port)
        with running_envoy(folder, files, port) as running:
            yield running, files, canary


@pytest.mark.sandbox
@pytest.mark.parametrize(("guard", "refused"), [(LUA, 401), (RBAC, 403)], ids=["lua", "rbac"])
def test_a_filter_that_demands_a_key_for_a_named_route_demands_it_of_marked_requests_too(tmp_path, guard, refused):
    with shop(tmp_path, guard) as (running, files, canary):
        assert running.ask("/")[0] == refused

        publish(running, files, canary)

        assert running.ask("/")[0] == refused
        assert running.ask("/", MARK)[0] == refused
        assert running.ask("/", KEY) == (200, "stable", "")
        assert running.ask("/", MARK, KEY) == (200, "canary", "r-1")


@pytest.mark.sandbox
def test_the_canarys_answers_are_not_counted_as_those_of_stables_route(tmp_path):
    with shop(tmp_path, "") as (running, files, canary):
        publish(running, files, canary)

        for _ in range(3):
            assert running.ask("/counted", MARK) == (200, "canary", "r-1")
        assert running.ask("/counted") == (200, "stable", "")

        assert counted(running, "shop") == 1
        assert counted(running, "shop-canary") == 3
