"""Who answered a marked request, replica by replica."""

from dataclasses import dataclass

from gatewayctl.domain.evidence import Attribution
from gatewayctl.domain.survey import Reply
from gatewayctl.reports.commands import curl_line


@dataclass(frozen=True, slots=True)
class CurlReport:
    """The replies of all ready replicas; there is at least one. `expired`: the release is too old to promote."""

    replies: tuple[Reply, ...]
    expired: bool = False

    @property
    def is_all_canary(self) -> bool:
        """Whether every reply came from the canary."""
        return all(reply.who is Attribution.CANARY for reply in self.replies)

    def data(self) -> dict[str, object]:
        """The document `gatewayctl.curl/2`. Seconds."""
        rows = [
            {
                "replica": reply.replica,
                "curl": curl_line(reply.address, reply.probe),
                "status": reply.status,
                "answered_by": reply.who.value,
                "detail": reply.detail,
                "seconds": round(reply.seconds, 4),
                "body": reply.body,
            }
            for reply in self.replies
        ]
        return {"schema": "gatewayctl.curl/2", "expired": self.expired, "replies": rows}

    def text(self) -> str:
        """The request and who answered, for each replica; then the body of the first answer."""
        lines = [
            f"{curl_line(reply.address, reply.probe)}\n{reply.replica}: answered by {reply.who} ({reply.detail})"
            for reply in self.replies
        ]
        if self.expired:
            lines.append("its release has expired: it can only be aborted")
        return "\n".join([*lines, "", self.replies[0].body])
