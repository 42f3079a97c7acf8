"""What is built is what is pinned, and a binary is taken as good only when its building has ended well."""

import re
from pathlib import Path

import pytest

from gatewayctl.domain.errors import EnvironmentFailed
from tests.cluster import build, envoy_gateway, toolchain
from tests.cluster.programs import (
    ENVOY_GATEWAY,
    GIVEN,
    KUBERNETES,
    MODULES,
    PROGRAMS,
    Program,
    binaries,
    cache,
    given,
    linker_flags,
)

PAUSE = next(program for program in PROGRAMS if program.name == "pause")
_REQUIRED = re.compile(r"^\s*(?:require )?([a-z0-9.-]+\.[a-z]+/\S+) (v\S+?)(?: // indirect)?$", re.MULTILINE)
_REPLACED = re.compile(r"^\s*(\S+) => (\S+) (v\S+)$", re.MULTILINE)


def a_go(folder: Path, script: str) -> Path:
    """A stand-in for the Go command."""
    folder.mkdir(parents=True, exist_ok=True)
    go = folder / "go"
    go.write_text(f"#!/bin/sh\n{script}\n")
    go.chmod(0o755)
    return go


def modules(folder: Path) -> dict[str, str]:
    """What a go.mod builds with: module to version, replacements applied."""
    text = (folder / "go.mod").read_text()
    replaced = {old: (new, version) for old, new, version in _REPLACED.findall(text)}
    return dict(replaced.get(name, (name, version)) for name, version in _REQUIRED.findall(text) if "=>" not in name)


def test_the_pinned_kubernetes_is_the_one_the_cache_and_the_binaries_are_named_after():
    pinned = modules(MODULES / "kubernetes")

    assert pinned["k8s.io/kubernetes"] == KUBERNETES
    assert cache({"XDG_CACHE_HOME": "/c"}) == Path(f"/c/gatewayctl/kubernetes-{KUBERNETES}")
    assert f"gitVersion={KUBERNETES}" in linker_flags()


def test_every_part_of_kubernetes_is_of_the_same_release():
    """A staging module that no `replace` names would be v0.0.0, and not be found."""
    staging = KUBERNETES.replace("v1.", "v0.", 1)
    replaced = {
        old: (new, version) for old, new, version in _REPLACED.findall((MODULES / "kubernetes/go.mod").read_text())
    }
    placeholders = {
        name for name, version in _REQUIRED.findall((MODULES / "kubernetes/go.mod").read_text()) if version == "v0.0.0"
    }

    assert len(replaced) == 31
    assert set(replaced.values()) == {(name, staging) for name in replaced}
    assert placeholders <= replaced.keys()


def test_the_pinned_envoy_gateway_is_the_one_whose_kinds_are_brought_in():
    assert modules(MODULES / "envoy-gateway")["github.com/envoyproxy/gateway"] == envoy_gateway.VERSION


@pytest.mark.parametrize("module", ["kubernetes", "coredns", "envoy-gateway"])
def test_every_module_is_pinned_by_a_checksum(module):
    folder = MODULES / module
    sums = {tuple(line.split()[:2]) for line in (folder / "go.sum").read_text().splitlines()}
    required = modules(folder)

    assert len(required) > 50
    assert {(name, f"{version}/go.mod") for name, version in required.items()} <= sums


@pytest.mark.parametrize("module", ["kubernetes", "envoy-gateway"])
def test_the_tools_file_names_every_program_of_the_module(module):
    text = (MODULES / module / "tools.go").read_text()

    assert set(re.findall(r'_ "(\S+)"', text)) == {p.package for p in (*PROGRAMS, ENVOY_GATEWAY) if p.module == module}


def test_a_folder_of_ready_programs_is_used_only_when_it_holds_all(tmp_path):
    environment = {GIVEN: str(tmp_path), "XDG_CACHE_HOME": "/c"}
    for program in PROGRAMS[1:]:
        (tmp_path / program.name).touch(0o755)
    assert given(environment) is None
    assert binaries(environment) == cache(environment) / "bin"

    (tmp_path / PROGRAMS[0].name).touch(0o755)

    assert binaries(environment) == tmp_path
    assert given(environment, (ENVOY_GATEWAY,)) is None, "a folder for clusters need not hold a gateway"


def test_a_binary_without_its_stamp_or_from_other_pins_is_built_again(tmp_path):
    build.build_one(a_go(tmp_path / "go", 'eval "out=\\${$(($#-1))}"; echo binary > "$out"'), PAUSE, tmp_path)
    assert PAUSE not in build.missing(tmp_path)

    stamp = tmp_path / ".pause.built"
    good = stamp.read_text()
    stamp.write_text("of other pins")
    assert PAUSE in build.missing(tmp_path)
    stamp.write_text(good)
    assert PAUSE not in build.missing(tmp_path)
    stamp.unlink()
    assert PAUSE in build.missing(tmp_path)


def test_a_building_that_fails_halfway_leaves_nothing_that_is_taken_as_good(tmp_path):
    go = a_go(tmp_path / "go", 'eval "out=\\${$(($#-1))}"; echo half > "$out"; exit 1')

    with pytest.raises(EnvironmentFailed, match="building pause failed") as failed:
        build.build_one(go, PAUSE, tmp_path)

    assert GIVEN in failed.value.hint
    assert not (tmp_path / "pause").exists()
    assert PAUSE in build.missing(tmp_path)


def test_a_binary_is_of_other_pins_when_its_sources_flags_or_package_differ():
    other = Program(PAUSE.name, PAUSE.module, "./other")

    assert build.fingerprint(PAUSE) != build.fingerprint(other)
    assert build.fingerprint(PAUSE) != build.fingerprint(Program(PAUSE.name, "coredns", PAUSE.package))


@pytest.mark.parametrize(
    ("version", "enough"), [("go1.24.0", True), ("go1.26.8", True), ("go2.0", True), ("go1.9.7", False), ("", False)]
)
def test_a_go_on_path_is_used_when_it_is_new_enough(tmp_path, version, enough):
    assert toolchain.needed() == (1, 24, 0)
    assert toolchain.suffices(a_go(tmp_path / "go", f"echo {version}"), toolchain.needed()) is enough


@pytest.mark.parametrize(("version", "enough"), [("go1.26.6", False), ("go1.26.7", True), ("go1.27", True)])
def test_the_patch_of_a_go_counts_where_a_program_asks_for_one(tmp_path, version, enough):
    assert toolchain.needed([ENVOY_GATEWAY]) == (1, 26, 7)
    assert toolchain.suffices(a_go(tmp_path / "go", f"echo {version}"), (1, 26, 7)) is enough


@pytest.mark.parametrize(("programs", "wheel"), [(PROGRAMS, "go-1.24.11"), ((ENVOY_GATEWAY,), "go-1.27.3")])
def test_a_go_that_was_installed_once_for_a_program_is_found_again(tmp_path, monkeypatch, programs, wheel):
    private = a_go(tmp_path / wheel / "bin", f"echo {wheel.replace('-', '')}")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert toolchain.find(tmp_path, programs) == private


def test_no_go_is_not_new_enough(tmp_path):
    assert not toolchain.suffices(tmp_path / "go", toolchain.needed())
