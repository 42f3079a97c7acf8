"""nginx: its master process loads the files on SIGHUP, and nothing shows which of them it runs."""

from gatewayctl.gateways.nginx.checker import NginxChecker
from gatewayctl.gateways.nginx.dialect import NginxDialect
from gatewayctl.gateways.nginx.master_process import DRAINING_TITLE, MASTER_TITLE, WORKER_TITLE, config_test
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.product import GatewayProduct, OnSignal

PRODUCT = GatewayProduct(
    kind="nginx",
    edits="the http part of nginx's configuration",
    checked="with `nginx -t`",
    plain_dialect=NginxDialect(),
    readback=NoReadback,
    checker=NginxChecker,
    loads=OnSignal(
        signal="SIGHUP",
        master_title=MASTER_TITLE,
        worker_title=WORKER_TITLE,
        draining_title=DRAINING_TITLE,
        config_test=config_test,
        error_mark="[emerg]",
    ),
)
