"""The arguments and options that several commands have."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """The format of results on stdout."""

    TEXT = "text"
    JSON = "json"


class Promotion(StrEnum):
    """Who promotes a release whose suites passed: the release itself, or a person."""

    ON_SUCCESS = "on-success"
    MANUAL = "manual"


App = Annotated[str, typer.Argument(metavar="APP", help="An application of gatewayctl.yaml.", show_default=False)]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-f",
        envvar="GATEWAYCTL_CONFIG",
        help="The configuration; ./gatewayctl.yaml if not given.",
        show_default=False,
    ),
]
Out = Annotated[Output, typer.Option("--output", "-o", help="text for people, json for machines (docs/json.md).")]
Image = Annotated[
    str, typer.Option("--image", help="The new image, with a version or digest.", metavar="IMAGE", show_default=False)
]
AnyTag = Annotated[bool, typer.Option("--any-tag", help="Accept an image that does not name one build, as :latest.")]
Untested = Annotated[
    bool, typer.Option("--untested", help="Promote although no suite has passed here: they ran elsewhere.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the audit trail.")]
ReleaseId = Annotated[
    str,
    typer.Option(
        "--release",
        metavar="ID",
        help="The release that is meant; the one in progress if not given. A pipeline should name the one it started.",
        show_default=False,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        envvar="GATEWAYCTL_NAMESPACE",
        help="Act without a configuration: with the one that the release left in this namespace of the cluster.",
        show_default=False,
    ),
]
