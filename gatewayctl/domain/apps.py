"""One application as its team describes it, independent of any release."""

from dataclasses import dataclass

from gatewayctl.domain.errors import UsageFault
from gatewayctl.domain.release import Target, Trial, version_of
from gatewayctl.domain.routing import Header


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

    def mark(self, token: str) -> Header:
        """The header of one release; `token` is the random part of a per-release value."""
        return Header(self.header, self.value or token)


def check_image(image: str) -> None:
    """Raise UsageFault for an image that does not name one build: without a tag, or with the tag `latest`."""
    if not image or any(letter.isspace() for letter in image):
        raise UsageFault(f"image {image!r} is not an image reference", hint="for example registry.example/orders:2.4.0")
    if "@" in image:
        return
    version = version_of(image)
    if version in ("", "latest"):
        raise UsageFault(
            f"image {image} is not one build: {'the tag latest' if version else 'no tag'} may be another one tomorrow",
            hint="name a version or a digest, for example orders:2.4.0, or insist with --any-tag",
        )
