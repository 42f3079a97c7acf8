"""Many applications on one gateway: each with its canary twin, and its routes written in another style."""

import copy
from typing import Any

import yaml

from tests.e2e.shop_cluster import ShopCluster

STYLES = (
    """\
          - match: {{ prefix: "/api/{app}/" }}   # team {app}
            route: {{ cluster: {app}, prefix_rewrite: /api/orders/, timeout: 15s }}
""",
    """\
          # --- {app} ---
          - match:
              prefix: '/api/{app}/'
            route:
              cluster: {app}     # ask in #{app}
              prefix_rewrite: /api/orders/
""",
    """\
          - {{"match": {{"prefix": "/api/{app}/"}},
             "route": {{"cluster": "{app}", "prefixRewrite": "/api/orders/"}}}}
""",
)
SUITE = """import httpx


def test_it_is_healthy(client: httpx.Client) -> None:
    assert client.get("/api/{app}/health").json()["app"] == "orders"
"""


class ManyAppsCluster(ShopCluster):
    """`count` copies of the example's orders application, app01 and so on, instead of its two."""

    count = 25

    @property
    def apps(self) -> tuple[str, ...]:
        return tuple(f"app{number:02}" for number in range(1, self.count + 1))

    def manifests(self) -> list[dict[str, Any]]:
        given = super().manifests()
        twins = [one for one in given if one["metadata"]["name"] in ("orders", "orders-canary")]
        left = [one for one in given if "payments" not in one["metadata"]["name"] and one not in twins]
        for one in left:
            if one["metadata"]["name"] == "gateway-routes":
                one["data"] = {"rds.yaml": self._routes(one["data"]["rds.yaml"])}
            if one["metadata"]["name"] == "gateway-bootstrap":
                one["data"] = {"bootstrap.yaml": self._bootstrap(one["data"]["bootstrap.yaml"])}
        return left + [renamed(one, app) for app in self.apps for one in twins]

    def configure(self) -> None:
        smokes = self.folder / "smoke"
        found: dict[str, Any] = {}
        for app in self.apps:
            (smokes / app).mkdir(parents=True)
            (smokes / app / f"test_{app}.py").write_text(SUITE.format(app=app))
            found[app] = {
                "header": {"name": "x-canary", "value": "per-release"},
                "identify": {"header": "x-served-by"},
                "probe": {"host": "shop.example.com", "path": f"/api/{app}/health"},
                "smoke": {"pytest": {"path": f"smoke/{app}"}},
                "timings": {"ready": "5m", "live": "5m"},
            }
        super().configure()
        given = yaml.safe_load(self.config.read_text())
        self.config.write_text(yaml.safe_dump({**given, "apps": found}, sort_keys=False))

    def _routes(self, text: str) -> str:
        """The example's file with our routes instead of its own; its last route and its comments stay."""
        head, _, rest = text.partition("          # --- orders")
        tail = rest[rest.index("          # Whatever is left") :]
        return head + "".join(STYLES[at % len(STYLES)].format(app=app) for at, app in enumerate(self.apps)) + tail

    def _bootstrap(self, text: str) -> str:
        given = yaml.safe_load(text)
        resources = given["static_resources"]
        pair = resources["clusters"][:2]
        resources["clusters"] = [renamed(one, app) for app in self.apps for one in pair]
        return yaml.safe_dump(given, sort_keys=False)


def renamed(found: Any, app: str) -> Any:
    """A copy in which `app` stands for orders; the image stays."""
    if isinstance(found, dict):
        return {key: renamed(value, app) if key != "image" else value for key, value in found.items()}
    if isinstance(found, list):
        return [renamed(one, app) for one in found]
    return found.replace("orders", app) if isinstance(found, str) else copy.copy(found)
