"""Where the gateway of a release is: what tells one gateway from another, frozen into the release when it starts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GatewayLocation:
    """The product `kind`, its Pods (`selector` in `namespace`), and what holds its rules, each as text, in order.

    Two locations are equal when an edit and a proof in one of them hold in the other.
    """

    kind: str
    namespace: str = ""
    selector: str = ""
    rules: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        pods = f" ({self.selector})" if self.selector else ""
        rules = f" with rules in {', '.join(self.rules)}" if self.rules else ""
        return f"{self.kind}{where}{pods}{rules}"
