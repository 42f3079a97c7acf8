"""`probe.scheme: https` and its files: relative to the configuration, and usable, else a fault with its line."""

from pathlib import Path

import pytest

from gatewayctl.config.load import load, parse
from gatewayctl.domain.platform import Tls
from tests.certificates import make_authority, needs_openssl
from tests.config.files import CLUSTER, GOOD, faults_of, write_config

pytestmark = needs_openssl


def with_tls(keys: str) -> str:
    return GOOD.replace("path: /api/orders/health}", f"path: /api/orders/health, {keys}}}")


def tls_of(folder: Path, keys: str) -> Tls | None:
    return load(write_config(folder, with_tls(keys))).apps["orders"].target.tls


def test_a_probe_without_a_scheme_speaks_no_tls(tmp_path):
    assert load(write_config(tmp_path, GOOD)).apps["orders"].target.tls is None


def test_the_authorities_of_the_system_are_the_default(tmp_path):
    assert tls_of(tmp_path, "scheme: https") == Tls()


def test_paths_start_at_the_folder_of_the_file_and_are_absolute(tmp_path, monkeypatch):
    authority = make_authority(tmp_path / "certs")
    own = authority.issue("qa")
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path, with_tls("scheme: https, ca: certs/ca.pem, certificate: certs/qa.pem, key: certs/qa.key"))

    found = load(Path("gatewayctl.yaml")).apps["orders"].target.tls

    assert found == Tls(str(authority.ca), str(own.certificate), str(own.key))


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("ca: certs/ca.pem", "apps.orders.probe: ca needs scheme: https"),
        ("scheme: https, certificate: certs/qa.pem", "apps.orders.probe: certificate needs key beside it"),
        ("scheme: https, key: certs/qa.key", "apps.orders.probe: key needs certificate beside it"),
        ("scheme: https, ca: missing.pem", "apps.orders.probe.ca: FOLDER/missing.pem: there is no such file"),
        ("scheme: https, ca: certs", "apps.orders.probe.ca: FOLDER/certs: cannot be read: Is a directory"),
        (
            "scheme: https, ca: certs/qa.key",
            "apps.orders.probe.ca: FOLDER/certs/qa.key: holds no certificate in PEM form",
        ),
        (
            "scheme: https, certificate: certs/qa.key, key: certs/qa.key",
            "apps.orders.probe.certificate: FOLDER/certs/qa.key: holds no certificate in PEM form",
        ),
        (
            "scheme: https, certificate: certs/qa.pem, key: certs/qa.pem",
            "apps.orders.probe.key: FOLDER/certs/qa.pem: holds no private key in PEM form",
        ),
        (
            "scheme: https, certificate: certs/qa.pem, key: certs/ca.key",
            "apps.orders.probe.key: FOLDER/certs/ca.key: is not the key of FOLDER/certs/qa.pem",
        ),
        (
            "scheme: https, certificate: certs/qa.pem, key: certs/locked.key",
            "apps.orders.probe.key: FOLDER/certs/locked.key: is protected by a passphrase",
        ),
    ],
)
def test_files_that_cannot_be_used_are_faults_with_their_line(tmp_path, keys: str, fault: str):
    authority = make_authority(tmp_path / "certs")
    authority.issue("qa")
    authority.lock(authority.folder / "qa.key", authority.folder / "locked.key")

    found = faults_of(tmp_path, with_tls(keys))

    assert found == [f"gatewayctl.yaml:6: {fault.replace('FOLDER', str(tmp_path))}"]


def test_a_private_key_is_not_for_the_pods_of_a_load(tmp_path):
    make_authority(tmp_path / "certs").issue("qa")
    probe = "path: /api/orders/health, scheme: https, certificate: certs/qa.pem, key: certs/qa.key}"
    text = CLUSTER.replace("path: /api/orders/health}", probe)
    text += "    smoke: {locust: {file: load.py, workers: 2}}\n"
    fault = "apps.orders.smoke.locust.workers: the Pods of a load cannot be given probe.key; expected 0"

    assert faults_of(tmp_path, text) == [f"gatewayctl.yaml:7: {fault}"]
    assert load(write_config(tmp_path, text.replace("workers: 2", "workers: 0"))).apps["orders"].trial.load


def test_a_key_of_a_wrong_scheme_is_refused(tmp_path):
    assert "apps.orders.probe.scheme: " in faults_of(tmp_path, with_tls("scheme: ftp"))[0]


def test_a_text_kept_elsewhere_may_name_files_that_are_not_here(tmp_path):
    """Who continues a release without the checkout has its configuration from the cluster, and not its files."""
    spec = parse(with_tls("scheme: https, ca: nowhere.pem"), tmp_path / "gatewayctl.yaml")

    assert spec.apps["orders"].target.tls == Tls(str(tmp_path / "nowhere.pem"))
