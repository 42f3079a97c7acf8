"""What a person reads about a sandbox."""

import pytest

from gatewayctl.domain.platform import Replica
from gatewayctl.reports.sandbox import SandboxReport


def test_an_admin_port_is_shown_only_where_there_is_one():
    envoy = Replica("gateway-0", "127.0.0.1:8000", admin="127.0.0.1:9901")
    nginx = Replica("gateway-1", "127.0.0.2:8000", ready=False, note="not started")

    assert SandboxReport((envoy, nginx), "http").text() == (
        "✓ gateway-0: http://127.0.0.1:8000, admin http://127.0.0.1:9901\n"
        "✗ gateway-1: http://127.0.0.2:8000 not started"
    )


@pytest.mark.parametrize(("scheme", "shown"), [("https", "https://127.0.0.1:8000"), ("", "127.0.0.1:8000")])
def test_the_scheme_is_that_of_the_applications_and_none_where_they_differ(scheme, shown):
    assert SandboxReport((Replica("gateway-0", "127.0.0.1:8000"),), scheme).text() == f"✓ gateway-0: {shown}"
