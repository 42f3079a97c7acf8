"""The real nginx: where it is not, the tests that run it are left out, and say what would bring it."""

import pytest

from gatewayctl.gateways.nginx.checker import find_nginx

needs_nginx = pytest.mark.skipif(
    not find_nginx(), reason="no real nginx here: make products (or apt-get install nginx-light)"
)
