"""One application as its team describes it, independent of any release."""

import re
from dataclasses import dataclass, field

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.release import Target, version_of
from gatewayctl.domain.routing import Header
from gatewayctl.domain.smoke import SuiteSettings
from gatewayctl.domain.trial import Trial

_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9]+(?:[.-]+[A-Za-z0-9]+)*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
# The grammar of image references: github.com/distribution/reference, and the OCI distribution specification.
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::\w[\w.-]{{0,127}})?(?:@[a-z0-9+._-]+:[0-9a-fA-F]{{32,}})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class AppSpec:
    """What does not change from release to release. An empty `value` means a new random header value for each release.

    `container` is the container whose image a release changes; empty: the one named like the application. `gateway` is
    the name of its gateway; empty where there is one gateway without a name.
    """

    target: Target
    header: str
    value: str
    standing: bool
    trial: Trial
    container: str = ""
    gateway: str = ""
    suite_settings: SuiteSettings = field(default_factory=SuiteSettings)

    def mark(self, token: str) -> Header:
        """The header of one release; `token` is the random part of a per-release value."""
        return Header(self.header, self.value or token)


def check_image(image: str, *, any_tag: bool = False) -> None:
    """Raise UsageFault for what is no image reference, or does not name one build: no tag, or the tag `latest`.

    With `any_tag` every reference will do.
    """
    if not _REFERENCE.fullmatch(image):
        raise UsageFault(f"image {image!r} is not an image reference", hint="for example registry.example/orders:2.4.0")
    if any_tag or "@" in image:
        return
    version = version_of(image)
    if version in ("", "latest"):
        raise UsageFault(
            f"image {image} is not one build: {'the tag latest' if version else 'no tag'} may be another one tomorrow",
            hint="name a version or a digest, for example orders:2.4.0, or insist with --any-tag",
        )
