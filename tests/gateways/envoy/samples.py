"""Rules and small Envoy files for the tests of the dialect."""

from gatewayctl.domain.routing import Files
from tests.gateways.samples import a_rule, one_file

__all__ = ["CLUSTER", "LISTENER", "MANAGER", "ORDERS", "ROUTER", "ROUTES", "a_rule", "cds", "dns_cluster", "one", "rds"]

ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def one(text: str, name: str = "rds.yaml") -> Files:
    """A gateway with one file."""
    return one_file(text, name)


def rds(routes: str, name: str = "shop") -> str:
    """An RDS file with one virtual host; `routes` are lines of a list, indented by 8."""
    return (
        f'resources:\n- "@type": {ROUTES}\n  name: {name}\n  virtual_hosts:\n'
        f'  - name: all\n    domains: ["*"]\n    routes:\n{routes}'
    )


ORDERS = "    - match: { prefix: / }\n      route: { cluster: orders }\n"


def cds(*clusters: str) -> str:
    """A CDS file; each cluster is the lines after its `@type`, indented by 2."""
    return "resources:\n" + "".join(f'- "@type": {CLUSTER}\n{cluster}' for cluster in clusters)


def dns_cluster(name: str, host: str, port: int = 80) -> str:
    """A cluster for `cds` that resolves its one host."""
    address = f"{{ address: {{ socket_address: {{ address: {host}, port_value: {port} }} }} }}"
    return (
        f"  name: {name}\n  type: STRICT_DNS\n  connect_timeout: 1s\n  load_assignment:\n    cluster_name: {name}\n"
        f"    endpoints: [{{ lb_endpoints: [{{ endpoint: {address} }}] }}]\n"
    )
