"""Mounted folders as a kubelet keeps them, and the two texts that are replaced for a replica."""

from pathlib import Path

import pytest

from gatewayctl.adapters.sandbox.mount import localise, sync


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("address: 0.0.0.0", "address: 127.9.9.11"),
        ('{ address: "0.0.0.0", port_value: 8000 }', '{ address: "127.9.9.11", port_value: 8000 }'),
        ("0.0.0.0:8000", "127.9.9.11:8000"),
        ("10.0.0.0/8 and 0.0.0.0.1 and 100.0.0.0", "10.0.0.0/8 and 0.0.0.0.1 and 100.0.0.0"),
        ("path: /etc/gateway/rds.yaml", "path: /mnt/x/rds.yaml"),
        ("{path: /etc/gateway}", "{path: /mnt/x}"),
        ("/etc/gateway-old /srv/etc/gateway /etc/gateways", "/etc/gateway-old /srv/etc/gateway /etc/gateways"),
        ("nothing\r\n\ufeff to \\1 do\t", "nothing\r\n\ufeff to \\1 do\t"),
    ],
)
def test_only_the_address_and_the_mount_path_are_replaced(text: str, replaced: str) -> None:
    assert localise(text, "127.9.9.11", "/etc/gateway", Path("/mnt/x")) == replaced


def test_the_mounted_folder_is_laid_out_as_a_kubelet_does(tmp_path: Path) -> None:
    sync(tmp_path, {"rds.yaml": "\ufefféa\r\n", "cds.yaml": ""})

    assert (tmp_path / "rds.yaml").readlink() == Path("..data", "rds.yaml")
    assert (tmp_path / "..data").readlink().name.startswith("..2")
    assert (tmp_path / "rds.yaml").read_bytes() == "\ufefféa\r\n".encode()
    assert sorted(path.name for path in tmp_path.iterdir())[2:] == ["cds.yaml", "rds.yaml"]


def test_a_change_swaps_the_link_and_leaves_nothing_of_the_old_files(tmp_path: Path) -> None:
    sync(tmp_path, {"a": "1", "b": "1"})
    before = (tmp_path / "..data").readlink()
    visible = (tmp_path / "a").lstat().st_ino

    sync(tmp_path, {"a": "2"})

    assert (tmp_path / "..data").readlink() != before
    assert not (tmp_path / before).exists()
    assert (tmp_path / "a").lstat().st_ino == visible
    assert (tmp_path / "a").read_text() == "2"
    assert not (tmp_path / "b").is_symlink()
