"""`gatewayctl rule`: the same edit offline, in place, on files in a checkout."""

from pathlib import Path
from typing import Annotated

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.options import Out, Output
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.plan import unified_diff
from gatewayctl.domain.routing import (
    CanaryRule,
    Change,
    Files,
    Header,
    RouteView,
    SourceFile,
    rule_name,
    standing_stamp,
)

app = typer.Typer(
    help="Edit gateway files in a checkout: the rule goes in, and out again byte for byte.", no_args_is_help=True
)

LARGEST = 64 * 1024 * 1024  # bytes; what is edited at all is a good deal smaller

GatewayKind = Annotated[
    str, typer.Option("--gateway", metavar="KIND", help="How the files are spelled, for example envoy.")
]
Service = Annotated[
    str, typer.Option("--service", metavar="S", help="The upstream, cluster, Service or host, as the files name it.")
]
FileArgs = Annotated[list[Path], typer.Argument(metavar="FILE…", help="All files of one gateway that take part.")]
DiffOnly = Annotated[bool, typer.Option("--diff", help="Print the edit and write nothing.")]


@app.command(epilog=example("rule add"))
def add(
    gateway: GatewayKind,
    service: Service,
    files: FileArgs,
    header: Annotated[str, typer.Option(metavar="N=V", help="What marks a request.")] = "x-canary=always",
    canary: Annotated[str, typer.Option(help="The canary's upstream; S-canary if not given.")] = "",
    canary_host: Annotated[str, typer.Option(help="Its address, where it cannot be derived from stable's.")] = "",
    fallback: Annotated[bool, typer.Option("--fallback", help="Stable answers for a canary that is gone.")] = False,
    diff: DiffOnly = False,
    output: Out = Output.TEXT,
) -> None:
    """Send requests for S that carry the header to S-canary, on every route of S; nothing else changes."""
    from gatewayctl.gateways.registry import gateway as product

    name, separator, value = header.partition("=")
    if not separator:
        raise UsageFault(f"--header {header} is not NAME=VALUE", hint="for example --header x-canary=always")
    rule = CanaryRule(
        app=service,
        service=service,
        canary=canary or f"{service}-canary",
        header=Header(name, value),
        stamp=standing_stamp(service),
        canary_host=canary_host,
        fallback=fallback,
    )
    before = read(files)
    kind = product(gateway)
    kind.dialect.limits.permit(rule)
    change = kind.dialect.insert(before, rule)
    said = kind.checker().check(before, change.apply(before))
    if not said.ok:
        raise Refused(before[0].name, 0, f"the gateway would not load the edit: {said.detail}")
    notes = (*change.notes, *((said.detail,) if said.detail else ()))
    report(before, change, notes, write=not diff, output=output)


@app.command(epilog=example("rule remove"))
def remove(
    gateway: GatewayKind, service: Service, files: FileArgs, diff: DiffOnly = False, output: Out = Output.TEXT
) -> None:
    """Take away exactly what `rule add` put in for S."""
    from gatewayctl.gateways.registry import gateway as product

    before = read(files)
    report(before, product(gateway).dialect.remove(before, service), (), write=not diff, output=output)


@app.command("show", epilog=example("rule show"))
def show_rules(
    gateway: GatewayKind,
    files: FileArgs,
    service: Annotated[str, typer.Option("--service", metavar="S", help="Only this one and its canary rule.")] = "",
    output: Out = Output.TEXT,
) -> None:
    """Every route with its upstream, and which of them are canary rules."""
    from gatewayctl.gateways.registry import gateway as product

    routes = [
        route
        for route in product(gateway).dialect.routes(read(files))
        if not service or route.target == service or route.name == rule_name(service)
    ]
    lines = [describe(route) for route in routes]
    show(
        output,
        {"schema": "gatewayctl.rules/1", "routes": [as_dict(route) for route in routes]},
        "\n".join(lines) or "no route with an upstream",
    )


def read(paths: list[Path]) -> Files:
    """The files as text, line ends untouched. Raises UsageFault."""
    found = []
    for path in paths:
        try:
            with path.open("rb") as stream:
                content = stream.read(LARGEST + 1)  # a device has no end
        except OSError as fault:
            raise UsageFault(
                f"{path}: cannot be read: {fault.strerror}", hint="name the files that hold the gateway's routes"
            ) from fault
        if len(content) > LARGEST:
            raise Refused(str(path), 0, f"larger than {LARGEST} bytes")
        try:
            found.append(SourceFile(str(path), content.decode("utf-8")))
        except UnicodeDecodeError as fault:
            line = content.count(b"\n", 0, fault.start) + 1
            raise Refused(str(path), line, "not UTF-8 text", hint=f"save it as UTF-8: {path}") from fault
    # By any spelling: of two edits of one file, the second would be lost.
    if len({path.resolve() for path in paths}) != len(paths):
        raise UsageFault("the same file is named twice", hint="name every file once")
    return tuple(found)


def report(before: Files, change: Change, notes: tuple[str, ...], *, write: bool, output: Output) -> None:
    """Write the changed files and say what was done; or only show it."""
    from gatewayctl.adapters.files.textfiles import replace

    after = change.apply(before)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old.text != new.text]
    if write:
        replace(tuple(old for old, _ in changed), tuple(new for _, new in changed))
    diffs = "".join(unified_diff(old.text, new.text, old.name, new.name) for old, new in changed)
    verb = "changed" if write else "would change"
    lines = [f"{old.name}: {verb}" for old, _ in changed] or ["nothing to do"]
    lines += [f"  {describe(route)}" for route in change.covered]
    lines += [f"  note: {note}" for note in notes]
    data = {
        "schema": "gatewayctl.rule/1",
        "written": write and bool(changed),
        "changed": [old.name for old, _ in changed],
        "routes": [as_dict(route) for route in change.covered],
        "notes": list(notes),
        "diff": diffs,
    }
    show(output, data, "\n".join(lines) if write else (diffs or "nothing to do"))


def describe(route: RouteView) -> str:
    """One route in a line."""
    header = f" [{route.header}]" if route.header else ""
    return f"{route.file}:{route.line}: {route.place} {route.match}{header} → {route.target}".replace("  ", " ")


def as_dict(route: RouteView) -> dict[str, object]:
    """One route as JSON."""
    return {
        "file": route.file,
        "line": route.line,
        "place": route.place,
        "match": route.match,
        "target": route.target,
        "name": route.name,
        "header": route.header,
    }
