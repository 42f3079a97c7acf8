"""The images are those that the manifests and the sandbox name, and hold what the wheel would."""

import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.cluster import images, rootfs
from tests.cluster.place import PROJECT

CONTAINERFILE = (PROJECT / "Containerfile").read_text()


def rewritten() -> dict[str, str]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    return settings["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"]


def test_the_shop_has_every_version_that_the_sandbox_has_and_starts_it_alike():
    known = yaml.safe_load((PROJECT / "gateway-config" / "sandbox.yaml").read_text())["images"]

    built = {image.names[0]: image for image in images.shop()}

    assert built.keys() == known.keys()
    for name, image in built.items():
        assert image.config.entrypoint[2:] == tuple(known[name]["command"][3:])


def test_the_manifests_name_only_images_that_are_built():
    built = {name for image in (*images.shop(), images.envoy()) for name in image.names}
    documents = [
        document
        for file in ("shop.yaml", "gateway.yaml")
        for document in yaml.safe_load_all((PROJECT / "manifests" / file).read_text())
    ]
    pods = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "Deployment"]
    containers = [container for pod in pods for container in pod["containers"]]

    assert len(containers) == 5
    assert {container["image"] for container in containers} <= built
    assert {container["imagePullPolicy"] for container in containers} == {"IfNotPresent"}


def test_a_canary_differs_from_its_stable_in_name_and_replicas_only():
    text = (PROJECT / "manifests" / "shop.yaml").read_text()
    documents = {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(text)}

    for kind in ("Deployment", "Service"):
        for app in ("orders", "payments"):
            twin = yaml.safe_dump(documents[kind, f"{app}-canary"]).replace(f"{app}-canary", app)
            assert yaml.safe_load(twin.replace("replicas: 0", "replicas: 1")) == documents[kind, app]


def test_our_image_holds_the_package_and_the_example_as_the_wheel_does():
    packages = f"opt/gatewayctl/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    paths = {entry.path for entry in images.ourselves(packages).entries}

    assert f"{packages}/gatewayctl/cli/app.py" in paths
    assert any(path.endswith(".dist-info/entry_points.txt") for path in paths)
    for source, target in rewritten().items():
        inside = [file for file in (PROJECT / source).rglob("*.y*ml") if ".gatewayctl" not in file.parts]
        for file in inside:
            assert f"{packages}/{target}/{file.relative_to(PROJECT / source)}" in paths


@pytest.mark.parametrize("source", ["gatewayctl", *rewritten()])
def test_the_containerfile_copies_what_the_wheel_is_made_from(source):
    assert f"COPY {source} /source/{source}\n" in CONTAINERFILE


def test_the_containerfile_and_our_image_run_as_the_same_user():
    assert f"USER {rootfs.USER}:{rootfs.USER}\n" in CONTAINERFILE
    assert {image.config.user for image in (*images.shop(), images.envoy())} == {f"{rootfs.USER}:{rootfs.USER}"}


def test_an_extra_brings_its_requirements_and_what_was_not_asked_for_does_not():
    lines = ["gevent>=1", 'requests>=2; extra == "client"', "yaml[fast, safe] <7", "dev; extra == 'dev'"]

    assert rootfs.requirements(lines, frozenset()) == ("gevent", "yaml[fast,safe]")
    assert rootfs.requirements(lines, frozenset(["client"])) == ("gevent", "requests", "yaml[fast,safe]")


def test_what_locust_needs_through_an_extra_is_part_of_the_image():
    names = {rootfs.canonical(distribution.metadata["Name"]) for distribution in rootfs.needed(["locust"])}

    assert {"locust", "gevent", "python-socketio", "websocket-client"} <= names
    assert "ruff" not in names


def test_the_python_of_the_images_is_whole_and_carries_no_tests():
    entries = {entry.path: entry for entry in rootfs.python().entries}
    library = Path(yaml.__file__).parents[2].name

    assert any(path.endswith(f"{library}/os.py") for path in entries)
    assert any("lib-dynload/" in path for path in entries)
    assert entries[rootfs.PYTHON.lstrip("/")].target.lstrip("/") in entries
    assert not any("/test/" in path or "site-packages" in path for path in entries)


def test_a_program_brings_the_loader_and_the_libraries_it_is_linked_with():
    found = dict(rootfs.libraries([Path(sys.executable).resolve()]))

    assert any("libc.so" in path or "musl" in path for path in found)
    assert all(file.exists() for file in found.values())
