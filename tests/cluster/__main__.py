"""The command line: python -m tests.cluster build|up|shop|load|show|enter|run|down."""

import argparse
import sys
from collections.abc import Callable

from gatewayctl.domain.errors import ExitCode, GatewayctlError
from tests.cluster import containers, envoy_gateway, host, images, inside, lifecycle, shop, show
from tests.cluster import given as own
from tests.cluster.build import build
from tests.cluster.place import a_cluster


def main(arguments: list[str]) -> int:
    """Do what is asked; the exit code is the command's own for `enter` and `run`."""
    given = _parser().parse_args(arguments)
    inside.heed_signals()
    try:
        return int(_COMMANDS[given.command](given) or ExitCode.DONE)
    except GatewayctlError as fault:
        sys.stderr.write(f"{fault}\n" + (f"try: {fault.hint}\n" if fault.hint else ""))
        return fault.exit_code
    except inside.Told as told:
        sys.stderr.write(f"ended by {told}\n")
        return 128 + told.which


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description="A real Kubernetes for the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build programs and images, once per machine")
    building.add_argument("--install", action="store_true", help="first install missing Debian packages, as root")
    building.add_argument("--envoy-gateway", action="store_true", help="the Envoy Gateway of make e2e-all, and only it")
    for name, words in _HELP.items():
        command = commands.add_parser(name, help=words)
        usual = "run" if name == "run" else "main"
        command.add_argument("--name", default=usual, help=f"several live side by side (default: {usual})")
        if name in ("enter", "run"):
            command.add_argument("argv", nargs="+", metavar="COMMAND", help="after --")
    return parser


def _build(given: argparse.Namespace) -> None:
    if given.install:
        host.install(host.this_host())
    if given.envoy_gateway:
        envoy_gateway.archived()
        envoy_gateway.definitions()
    else:
        build()
        images.build()


def _up(given: argparse.Namespace) -> None:
    cluster = a_cluster(given.name)
    lifecycle.up(cluster)
    sys.stdout.write(show.endpoints(cluster))


def _shop(given: argparse.Namespace) -> None:
    shop.apply(a_cluster(given.name))
    sys.stderr.write("the shop and its gateway are ready\n")


def _load(given: argparse.Namespace) -> None:
    containers.load(a_cluster(given.name), images.build())


def _show(given: argparse.Namespace) -> None:
    sys.stdout.write(show.state(a_cluster(given.name)))


def _enter(given: argparse.Namespace) -> None:
    inside.enter(a_cluster(given.name), given.argv)


def _run(given: argparse.Namespace) -> int:
    theirs = own.context()
    return own.run(theirs, given.argv) if theirs else inside.run(a_cluster(given.name), given.argv)


def _down(given: argparse.Namespace) -> None:
    lifecycle.down(a_cluster(given.name))


_HELP = {
    "up": "start a cluster and leave it running",
    "shop": "apply manifests/ and wait until all of it is ready",
    "load": "build changed images and bring them in",
    "show": "what runs, and how to get in",
    "enter": "run a command inside",
    "run": "start a cluster, run a command inside, stop the cluster whatever happens; or on yours, if you confirm it",
    "down": "stop a cluster and remove what is left of it",
}
_COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "build": _build,
    "up": _up,
    "shop": _shop,
    "load": _load,
    "show": _show,
    "enter": _enter,
    "run": _run,
    "down": _down,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
