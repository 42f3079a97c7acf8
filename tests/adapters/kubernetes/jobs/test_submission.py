"""What a release's Job is given: the authorities that it needs, and never a private key."""

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayctl.adapters.kubernetes.jobs.submission import JobRequest, job_of
from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.platform import Tls
from gatewayctl.domain.release import Target
from gatewayctl.domain.trial import Trial
from tests.fakes.shop import ORDERS, target

PLAIN = replace(ORDERS, trial=Trial(timings=ORDERS.trial.timings))


def request_for(folder: Path, tls: Tls | None, *neighbours: Target) -> JobRequest:
    (folder / "shop").mkdir(exist_ok=True)
    return JobRequest(
        app=replace(PLAIN, target=replace(PLAIN.target, tls=tls)),
        options=("--image", "shop/orders:1.1"),
        config=folder / "shop" / "gatewayctl.yaml",
        text="version: 1",
        namespace="shop",
        image="gatewayctl:1",
        account="gatewayctl",
        actor="anna",
        neighbours=neighbours,
    )


def test_the_authorities_of_the_application_and_its_neighbours_are_sent(tmp_path):
    (tmp_path / "ours.pem").write_text("ours")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "theirs.pem").write_text("theirs")
    ours, theirs = tmp_path / "shop" / ".." / "ours.pem", tmp_path / "shop" / "theirs.pem"

    _, files = job_of(request_for(tmp_path, Tls(str(ours)), replace(target("payments"), tls=Tls(str(theirs)))))

    assert files.config == "shop/gatewayctl.yaml"
    assert files.files == (
        ("ours.pem", b"ours"),
        ("shop/gatewayctl.yaml", b"version: 1"),
        ("shop/theirs.pem", b"theirs"),
    )


def test_an_authority_elsewhere_must_be_in_the_image(tmp_path):
    _, files = job_of(request_for(tmp_path, Tls("/etc/company/ca.pem")))

    assert files.files == (("gatewayctl.yaml", b"version: 1"),)


@pytest.mark.parametrize("whose", ["orders", "payments"])
def test_a_private_key_is_not_sent(tmp_path, whose: str):
    folder = tmp_path / "shop"
    own = Tls("", str(folder / "qa.pem"), str(folder / "qa.key"))
    near = replace(target("payments"), tls=own if whose == "payments" else None)

    with pytest.raises(UsageFault, match=f"probe.key of {whose} is a private key") as caught:
        job_of(request_for(tmp_path, own if whose == "orders" else None, near))

    assert "without --in-cluster" in caught.value.hint
