"""Spring Cloud Gateway: a request to its actuator makes it load its files, and another one shows its routes."""

from gatewayctl.gateways.product import GatewayProduct, OnRequest
from gatewayctl.gateways.springcloud.activation import SpringCloudActivation
from gatewayctl.gateways.springcloud.checker import SpringCloudChecker
from gatewayctl.gateways.springcloud.dialect import SpringCloudDialect
from gatewayctl.gateways.springcloud.readback import SpringCloudReadback

PRODUCT = GatewayProduct(
    kind="spring-cloud-gateway",
    edits="the routes of Spring Cloud Gateway (WebFlux) in YAML and properties",
    checked="with a real gateway that binds the routes",
    plain_dialect=SpringCloudDialect(),
    readback=SpringCloudReadback,
    checker=SpringCloudChecker,
    loads=OnRequest(SpringCloudActivation),
)
