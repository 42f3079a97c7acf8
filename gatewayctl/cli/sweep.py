"""`gatewayctl sweep`: what releases left behind, taken away by the ordinary way out."""

from typing import Annotated

import typer

from gatewayctl.cli.options import Config, Namespace, Out, Output
from gatewayctl.cli.progress import Progress, a_console
from gatewayctl.cli.show import show
from gatewayctl.domain.errors import ExitCode
from gatewayctl.wiring.discovery import wire_each


def sweep(
    app: Annotated[str | None, typer.Argument(metavar="[APP]", help="One application; all if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be swept; change nothing.")] = False,
    config: Config = None,
    namespace: Namespace = "",
    output: Out = Output.TEXT,
) -> None:
    """Abort expired releases that nobody drives, and remove rules of ours that belong to no release.

    What is not provably ours (a canary that somebody started by hand) is told, never touched.
    """
    from gatewayctl.orchestration.sweep import clean, look

    rows: list[dict[str, object]] = []
    lines: list[str] = []
    for name, session in wire_each(config, Progress(a_console()), app, namespace):
        found = look(session.ports, session.app(name))
        if found is None:
            continue
        done, stuck = "left alone", ""
        if found.ours:
            done = "would be swept"
            if not dry_run:
                stuck = clean(session.driver, session.app(name), found).stuck
                done = f"stuck: {stuck}" if stuck else "swept"
        hint = f"gatewayctl resume {name}" if stuck else found.hint
        rows.append({"app": name, "litter": found.litter, "found": found.found, "done": done, "hint": hint})
        lines.append(f"{name}: {found.litter}: {found.found}: {done}" + (f"\n  → {hint}" if hint else ""))
    show(output, {"schema": "gatewayctl.sweep/1", "finds": rows}, "\n".join(lines) or "nothing is left behind")
    if any(str(row["done"]).startswith("stuck") for row in rows):
        raise typer.Exit(int(ExitCode.PERSON))
