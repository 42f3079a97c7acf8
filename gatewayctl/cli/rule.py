"""`gatewayctl rule`: the same edit offline, in place, on files in a checkout."""

from pathlib import Path
from typing import Annotated

import typer

from gatewayctl.cli.examples import example
from gatewayctl.cli.options import Out, Output
from gatewayctl.cli.show import show, tell
from gatewayctl.domain.errors import Refused, UsageFault
from gatewayctl.domain.header_names import why_unusable
from gatewayctl.domain.routing import (
    CanaryRule,
    Change,
    Files,
    Header,
    SourceFile,
    rule_name,
    standing_stamp,
)
from gatewayctl.wiring.files import replace_files

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
    canary_uri: Annotated[str, typer.Option(help="Its name in a registry, for example lb://orders-canary.")] = "",
    fallback: Annotated[bool, typer.Option("--fallback", help="Stable answers for a canary that is gone.")] = False,
    diff: DiffOnly = False,
    output: Out = Output.TEXT,
) -> None:
    """Send requests for S that carry the header to S-canary, on every route of S; nothing else changes."""
    from gatewayctl.gateways.registry import gateway as product

    name, separator, value = header.partition("=")
    if not separator:
        raise UsageFault(f"--header {header} is not NAME=VALUE", hint="for example --header x-canary=always")
    if why := why_unusable(name.lower()):
        raise UsageFault(f"--header {header}: {name} cannot mark requests: {why}", hint="for example x-canary=always")
    rule = CanaryRule(
        app=service,
        service=service,
        canary=canary or f"{service}-canary",
        header=Header(name, value),
        stamp=standing_stamp(service),
        canary_host=canary_host,
        fallback=fallback,
        canary_uri=canary_uri,
    )
    before = read(files)
    kind = product(gateway)
    kind.dialect.limits.permit(rule)
    change = kind.dialect.insert(before, rule)
    validation = kind.checker().check(before, change.apply(before))
    if not validation.ok:
        raise Refused(before[0].name, 0, f"the gateway would not load the edit: {validation.detail}")
    notes = (*change.notes, *((validation.detail,) if validation.detail else ()))
    carry_out(before, change, notes, write=not diff, output=output)


@app.command(epilog=example("rule remove"))
def remove(
    gateway: GatewayKind, service: Service, files: FileArgs, diff: DiffOnly = False, output: Out = Output.TEXT
) -> None:
    """Take away exactly what `rule add` put in for S."""
    from gatewayctl.gateways.registry import gateway as product

    before = read(files)
    carry_out(before, product(gateway).dialect.remove(before, service), (), write=not diff, output=output)


@app.command("show", epilog=example("rule show"))
def show_rules(
    gateway: GatewayKind,
    files: FileArgs,
    service: Annotated[str, typer.Option("--service", metavar="S", help="Only this one and its canary rule.")] = "",
    output: Out = Output.TEXT,
) -> None:
    """Every route with its upstream, and which of them are canary rules."""
    from gatewayctl.gateways.registry import gateway as product
    from gatewayctl.reports.rules import RulesReport

    routes = tuple(
        route
        for route in product(gateway).dialect.routes(read(files))
        if not service or route.target == service or route.name == rule_name(service)
    )
    show(output, RulesReport(routes, empty="no route with an upstream"))


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


def carry_out(before: Files, change: Change, notes: tuple[str, ...], *, write: bool, output: Output) -> None:
    """Write the changed files, where `write` is true; show edit and notes. Raises StaleWrite, EnvironmentFailed."""
    from gatewayctl.reports.rules import RuleEditReport

    after = change.apply(before)
    changed = tuple((old, new) for old, new in zip(before, after, strict=True) if old.text != new.text)
    if write:
        replace_files(tuple(old for old, _ in changed), tuple(new for _, new in changed))
    report = RuleEditReport(changed, change.covered, notes, written=write)
    show(output, report, is_patch=not write)
    if not write and output is Output.TEXT:  # stdout is a patch: what to know about it goes beside it
        for line in report.note_lines():
            tell(line)
