"""ingress-nginx: a controller watches the objects, and only its own Pod can be asked what it runs, on loopback."""

from gatewayctl.gateways.ingressnginx.checker import IngressChecker
from gatewayctl.gateways.ingressnginx.dialect import IngressNginxDialect
from gatewayctl.gateways.ingressnginx.resource import INGRESS
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.product import GatewayProduct, Watches

PRODUCT = GatewayProduct(
    kind="ingress-nginx",
    edits="Ingress objects with the annotations of ingress-nginx",
    checked="read again; in a cluster also by a dry run",
    plain_dialect=IngressNginxDialect(),
    readback=NoReadback,
    checker=IngressChecker,
    loads=Watches(),
    resource=INGRESS,
)
