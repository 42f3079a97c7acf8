"""How nginx was started, out of the title of its first process."""

import pytest

from gatewayctl.gateways.nginx.master_process import MASTER_TITLE, config_test


@pytest.mark.parametrize(
    ("title", "command"),
    [
        ("nginx -g daemon off;", ("nginx", "-t", "-q", "-g", "daemon off;")),
        ("/usr/sbin/nginx", ("/usr/sbin/nginx", "-t", "-q")),
        ("nginx -c /etc/x.conf -p /srv/", ("nginx", "-t", "-q", "-c", "/etc/x.conf", "-p", "/srv/")),
        (
            "nginx -e stderr -g daemon off; pid /tmp/x.pid; -c/etc/x.conf",
            ("nginx", "-t", "-q", "-e", "stderr", "-g", "daemon off; pid /tmp/x.pid;", "-c", "/etc/x.conf"),
        ),
        ("nginx -q -- -", ("nginx", "-t", "-q")),
        ("nginx -c", ("nginx", "-t", "-q", "-c", "")),
        ("", ("nginx", "-t", "-q")),
    ],
)
def test_files_are_tried_as_the_first_process_was_started(title: str, command: tuple[str, ...]) -> None:
    assert config_test(f"{MASTER_TITLE} {title}") == command
