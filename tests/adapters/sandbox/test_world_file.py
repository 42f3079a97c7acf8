"""World files: all faults are reported together, with their lines."""

from pathlib import Path

import pytest

from gatewayctl.adapters.sandbox.world_file import WorldFault, read_bounded, read_world
from gatewayctl.domain.errors import ExitCode
from tests.adapters.sandbox.conftest import CONFIG, SMALL


def read_faults(tmp_path: Path, text: str) -> list[str]:
    world = tmp_path / "world.yaml"
    world.write_text(text)
    with pytest.raises(WorldFault) as raised:
        read_world(world)
    assert raised.value.exit_code is ExitCode.USAGE
    return [line.removeprefix(f"{world}:") for line in str(raised.value).splitlines()]


def test_the_example_world_is_read() -> None:
    world = read_world(CONFIG / "sandbox.yaml")

    assert (world.gateway.replicas, world.gateway.sync_delay, world.gateway.sync_skew) == (2, 0.3, 0.1)
    assert set(world.workloads) == {"orders", "orders-canary", "payments", "payments-canary"}
    assert world.images["shop/orders:1.0"].command[0] == "python"
    assert world.path(world.gateway.bootstrap) == CONFIG / "bootstrap.yaml"


def test_an_image_is_identified_by_its_command_and_environment() -> None:
    images = read_world(CONFIG / "sandbox.yaml").images
    first = images["shop/orders:1.0"]

    assert len({image.digest for image in images.values()}) == len(images)
    assert first.model_copy(update={"env": {"A": "b"}}).digest != first.digest
    assert first.model_copy().digest == first.digest


def test_all_faults_are_reported_together_with_their_lines(tmp_path: Path) -> None:
    text = SMALL.replace("replicas: 1", "replicas: none\n  speed: 3").replace("bootstrap.yaml", "missing.yaml")
    text = text.replace("orders: {image", "Orders: {image")

    last = len(text.splitlines())

    found = read_faults(tmp_path, text)

    assert [line.partition(": ")[0] for line in found] == ["3", "4", str(last)]
    assert found[0].startswith("3: gateway.replicas: ")
    assert "found 'none'" in found[0]
    assert found[1] == "4: gateway.speed: unknown key"
    assert found[2].startswith(f"{last}: workloads.Orders")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("version: 1", "version: 2", "1: version: "),
        ("version: 1\n", "", "1: version: is missing"),
        ('image: "shop/orders:1.0"', "image: shop/orders:9", "workloads.orders.image: shop/orders:9 is not in images"),
        ("/rds.yaml}", "/none.yaml}", "gateway.files.rds.yaml: there is no file"),
        ("files: {rds.yaml", "files: {../rds.yaml", "cannot be a file's key"),
        ("replicas: 1", "replicas: 99", "3: gateway.replicas: "),
        ("replicas: 1", "replicas: 1\n  sync_delay: soon", "4: gateway.sync_delay: expected a duration"),
        ("replicas: 1", "replicas: 1\n  admin: 8000", "traffic and admin need different ports"),
        ("replicas: 1", "replicas: 1\n  replicas: 2", "4: replicas: given twice, first in line 3"),
        ("replicas: 1", "replicas: 1\n  kind: nginz", "4: gateway.kind: "),
        ("version: 1", "version: 1\nfolder: /", "2: folder: unknown key"),
    ],
)
def test_a_fault_is_named_where_it_is(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in SMALL

    assert fault in "\n".join(read_faults(tmp_path, SMALL.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "1: expected a mapping"),
        ("- a", "1: expected a mapping"),
        ("a: [", "not readable as YAML"),
        ("a: !!python/object:os.system {}", "not readable as YAML"),
        ("[" * 5000, "not readable as YAML"),
        ("a: 1\0", "not readable as YAML"),
    ],
)
def test_a_file_that_is_not_a_world_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in "\n".join(read_faults(tmp_path, text))


def test_a_missing_a_foreign_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorldFault, match="there is no such file"):
        read_world(tmp_path / "none.yaml")
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(WorldFault, match="latin:1: not UTF-8 text"):
        read_world(tmp_path / "latin")
    with pytest.raises(WorldFault, match="larger than 10 bytes"):
        read_bounded(CONFIG / "rds.yaml", 10)


def test_durations_have_units(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(SMALL.replace("replicas: 1", "replicas: 1\n  sync_delay: 250ms\n  sync_skew: 2"))

    gateway = read_world(world).gateway

    assert (gateway.sync_delay, gateway.sync_skew) == (0.25, 2.0)


def test_a_gateway_that_would_never_read_a_file_again_is_refused_before_it_starts(tmp_path: Path) -> None:
    for name in ("bootstrap.yaml", "rds.yaml", "sandbox.yaml"):
        text = (CONFIG / name).read_text()
        (tmp_path / name).write_text(text.replace("watched_directory: { path: /etc/gateway }", ""))

    with pytest.raises(WorldFault, match=r"gateway.files.rds.yaml: bootstrap.yaml: .* without watched_directory"):
        read_world(tmp_path / "sandbox.yaml")
