"""nginx as a gateway replica: which names are replaced by addresses, and how it is started."""

from pathlib import Path

import httpx
import pytest
import yaml

from gatewayctl.adapters.clock import SystemClock
from gatewayctl.adapters.sandbox.cluster import Life, up
from gatewayctl.adapters.sandbox.nginx import command, find_includes, replace_names
from gatewayctl.adapters.sandbox.product import Launch
from gatewayctl.adapters.sandbox.replicas import SandboxReplicas
from gatewayctl.cli.demo import DemoGateway, unpack
from gatewayctl.example import example_folder
from tests.gateways.nginx.product import needs_nginx

NAMES = {"orders": "127.1.1.31", "orders-canary": "127.1.1.32"}
CASES = {
    "proxy_pass http://orders:8080;": "proxy_pass http://127.1.1.31:8080;",
    "proxy_pass http://orders/v1/;": "proxy_pass http://127.1.1.31/v1/;",
    "proxy_pass http://orders.shop.svc.cluster.local;": "proxy_pass http://127.1.1.31;",
    "grpc_pass grpc://orders-canary:50051;": "grpc_pass grpc://127.1.1.32:50051;",
    "upstream orders { server orders:8080; }": "upstream orders { server 127.1.1.31:8080; }",
    "upstream a { server\torders; server orders-canary; }": "upstream a { server\t127.1.1.31; server 127.1.1.32; }",
    "proxy_pass http://orders-v2; # orders": "proxy_pass http://orders-v2; # orders",
    "server_name orders;": "server_name orders;",
    "proxy_pass http://10.0.0.1/orders;": "proxy_pass http://10.0.0.1/orders;",
    "listen 8080;": "listen 0.0.0.0:8080;",
    "{listen  *:80 default_server;}": "{listen  0.0.0.0:80 default_server;}",
    "listen 80; listen [::]:80 default_server; server_name a;": "listen 0.0.0.0:80;  server_name a;",
    "listen 127.0.0.1:8080; listen unix:/run/a;": "listen 127.0.0.1:8080; listen unix:/run/a;",
}


@pytest.mark.parametrize("text", CASES)
def test_names_are_replaced_where_nginx_would_resolve_them_and_nowhere_else(text):
    assert replace_names(text, NAMES, text) == CASES[text]


def test_the_name_of_an_upstream_is_no_host():
    text = "proxy_pass http://orders;"

    assert replace_names(text, NAMES, "upstream orders { server x; }") == text
    assert replace_names(text, NAMES, "upstream orders-canary { server x; }") != text


BOOTSTRAP = """\
events {}
http {
    include mime.types;
    include snippets/log.conf;
    include conf.d/*.conf;
}
"""
ROUTES = """\
server {
    listen 8080 default_server;
    listen [::]:8080 default_server;
    location /api/orders { proxy_pass http://orders:8080; }
    location / { return 404 "no such page\\n"; }
}
"""
WORLD = """\
version: 1
gateway:
  kind: nginx
  replicas: 2
  bootstrap: nginx.conf
  mount: /etc/nginx/conf.d
  traffic: 8080
  files: {shop.conf: conf.d/shop.conf}
images:
  "shop/orders:1.0": {command: [python, -m, gatewayctl.example.shop, --app, orders, --version, "1.0"]}
workloads:
  orders: {image: "shop/orders:1.0"}
"""


@pytest.mark.sandbox
@needs_nginx
def test_a_port_without_an_address_and_relative_includes_come_up(tmp_path):
    files = {
        "nginx.conf": BOOTSTRAP,
        "conf.d/shop.conf": ROUTES,
        "world.yaml": WORLD,
        "snippets/log.conf": "access_log off;",
    }
    files["mime.types"] = "types { text/html html; }"
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    with up(tmp_path / "sandbox", tmp_path / "world.yaml", life=Life.OWNED, clock=SystemClock()):
        replicas = SandboxReplicas(tmp_path / "sandbox").list()
        pages = [httpx.get(f"http://{replica.traffic}/nowhere").text for replica in replicas]
        answers = [httpx.get(f"http://{replica.traffic}/api/orders/health").status_code for replica in replicas]

        copies = [folder / "conf.d" for folder in (tmp_path / "sandbox" / "replicas").iterdir()]
        assert all(copy.readlink() == copy.parent / "mount" for copy in copies), "a copy would never change"

    assert pages == ["no such page\n"] * 2
    assert answers == [200, 200]


def test_files_outside_of_the_folder_are_not_copied(tmp_path):
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "a.conf").write_text("include b.conf;")
    (folder / "b.conf").write_text("include a.conf; include ../secret; include /etc/hosts; include $x;")

    assert list(find_includes("include a.conf;", folder)) == ["a.conf", "b.conf"]


@pytest.mark.sandbox
@needs_nginx
@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("", "daemon off; pid {folder}/nginx.pid;"),
        ("daemon off;\n", "pid {folder}/nginx.pid;"),
        ("pid x;\ndaemon off;", ""),
    ],
)
def test_a_directive_of_the_file_is_not_given_a_second_time(tmp_path, own, wanted):
    bootstrap = tmp_path / "nginx.conf"
    bootstrap.write_text(own)

    words = command(Launch(bootstrap, "127.1.1.11", 0, "127.1.1.1", 53))

    assert (words[-1] if "-g" in words else "") == wanted.format(folder=tmp_path)


def test_the_shop_behind_nginx_is_the_shop_behind_envoy():
    folder = Path(example_folder(), "gateway-config")
    envoy, nginx = (yaml.safe_load((folder / name).read_text()) for name in ("sandbox.yaml", "nginx/sandbox.yaml"))

    assert {key: envoy[key] for key in ("images", "workloads")} == {key: nginx[key] for key in ("images", "workloads")}
    envoy, nginx = (
        yaml.safe_load((folder / name).read_text()) for name in ("gatewayctl.yaml", "nginx/gatewayctl.yaml")
    )
    assert envoy["apps"] == nginx["apps"]


@pytest.mark.parametrize("gateway", DemoGateway)
def test_a_demo_holds_one_gateway_only(tmp_path, gateway):
    folder = unpack(tmp_path / "home", gateway) / "gateway-config"

    assert yaml.safe_load((folder / "gatewayctl.yaml").read_text())["gateway"]["kind"] == gateway
    assert not (folder / "nginx").exists()
