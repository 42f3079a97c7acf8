"""Which version answered a request: the gateway's stamp and the application's own name must agree, or it is unknown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gatewayctl.domain.nesting import MAX_DEPTH_OF_ANSWERS, parse_json


class Attribution(StrEnum):
    """Which version gave an answer. No evidence is UNKNOWN, never stable."""

    STABLE = "stable"
    CANARY = "canary"
    UNKNOWN = "unknown"


class LeakCase(StrEnum):
    """The ways in which a request that is not marked may look."""

    NO_HEADER = "no header"
    WRONG_VALUE = "wrong value"
    EMPTY_VALUE = "empty value"
    OTHER_CASE = "other case"
    SENT_TWICE = "sent twice"
    COMMA_LIST = "comma list"
    NEIGHBOUR = "neighbour"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request. `status` 0 means that no answer came; `error` then says why. Seconds.

    `hint` is what to change in the configuration, where the way in which it failed shows that.
    """

    status: int
    headers: Mapping[str, str]
    body: str = ""
    seconds: float = 0.0
    error: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Identify:
    """Where an application names itself in an answer: a response header, or a JSON pointer (RFC 6901) into the body."""

    header: str = "x-served-by"
    pointer: str = ""

    def read(self, answer: Answer) -> str:
        """The name that the application gave in the answer; empty when it gave none."""
        if not self.pointer:
            return answer.headers.get(self.header.lower(), "")
        value = self._follow(answer.body)
        return value if isinstance(value, str) else ""

    def can_speak(self, answer: Answer) -> bool:
        """Whether the answer has a place for the name: every header does, but not every body (204, HEAD, a stream)."""
        return not self.pointer or self._follow(answer.body) is not None

    def _follow(self, body: str) -> object:
        """The value to which the pointer leads; None when it leads nowhere, or to null."""
        try:
            value: Any = parse_json(body, MAX_DEPTH_OF_ANSWERS)
            for part in self.pointer.removeprefix("/").split("/"):
                key = part.replace("~1", "/").replace("~0", "~")
                value = value[int(key)] if isinstance(value, list) else value[key]
        except (ValueError, KeyError, IndexError, TypeError):
            return None
        return value


# How a platform ends the name of a Pod, after the name of its workload: a Deployment with the ReplicaSet's hash and
# five characters, a StatefulSet with a number, the sandbox with five hexadecimal digits.
_GENERATED = "[bcdfghjklmnpqrstvwxz2456789]"
_POD_ENDING = re.compile(rf"-(?:{_GENERATED}{{1,10}}-{_GENERATED}{{5}}|\d+|[0-9a-f]{{5}})")
_LONGEST_BASE = 58  # characters of a Pod's name before the five that Kubernetes adds: a longer base is cut off


def is_pod_of(word: str, workload: str) -> bool:
    """Whether `word` is the name of a workload, or of one of its Pods."""
    if word == workload:
        return True
    if len(word) == _LONGEST_BASE + 5 and len(workload) > _LONGEST_BASE - 12:
        base = word[:_LONGEST_BASE]
        return base.startswith(f"{workload}-"[:_LONGEST_BASE]) and "-" not in base[len(workload) + 1 :].rstrip("-")
    return word.startswith(workload) and _POD_ENDING.fullmatch(word, len(workload)) is not None


@dataclass(frozen=True, slots=True)
class Identity:
    """How one application's two versions call themselves: by the name of a Pod or its Deployment, or by version.

    A version that both would use proves nothing, and is ignored. `others` are further workloads behind the gateway:
    the longest name that fits a word decides whose Pod it is.
    """

    stable: str
    canary: str
    stable_version: str = ""
    canary_version: str = ""
    others: tuple[str, ...] = ()

    def who(self, word: str) -> Attribution:
        """The version that `word` names: a pod's name, or the application's version."""
        if not word:
            return Attribution.UNKNOWN
        if self.stable_version != self.canary_version:
            if word == self.canary_version:
                return Attribution.CANARY
            if word == self.stable_version:
                return Attribution.STABLE
        return self.whose_pod(word)

    def whose_pod(self, word: str) -> Attribution:
        """The version whose Pod has the name `word`; versions do not count."""
        names = (self.stable, self.canary, *self.others)
        # Most of a hundred names do not even begin like it, and every answer is asked about.
        near = [name for name in names if word.startswith(name[:_LONGEST_BASE])]
        found = max((name for name in near if is_pod_of(word, name)), key=len, default="")
        if not found or found not in (self.stable, self.canary):
            return Attribution.UNKNOWN
        return Attribution.CANARY if found == self.canary else Attribution.STABLE


# No connection, no answer in time: a gateway adds the stamp to these, too, although no version gave them.
_GATEWAYS_OWN = (0, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class AttributionRule:
    """Everything needed to attribute an answer of one application.

    Without `stamps` the gateway cannot mark the canary's answers: then the application's own word decides alone.
    """

    identify: Identify
    identity: Identity
    stamp_header: str
    stamp: str
    stamps: bool = True

    def attribute(self, answer: Answer) -> Attribution:
        """Credit the answer to a version only when the gateway and the application agree."""
        word = self.word_of(answer)
        if not self.stamps:
            return word
        found = answer.headers.get(self.stamp_header, "")
        if found == self.stamp:
            return word if word is Attribution.CANARY else Attribution.UNKNOWN
        if found:
            return Attribution.UNKNOWN
        return word if word is Attribution.STABLE else Attribution.UNKNOWN

    def attribute_traffic(self, answer: Answer) -> Attribution:
        """As `attribute`, for suites and loads, which ask for more than the probe path that names its version.

        Where the body has no place for the name, the gateway's stamp decides alone. The gateway may itself have made
        an answer that says that nobody answered it.
        """
        if not self.stamps or self.identify.can_speak(answer) or answer.status in _GATEWAYS_OWN:
            return self.attribute(answer)
        found = answer.headers.get(self.stamp_header, "")
        if not found:
            return Attribution.STABLE
        return Attribution.CANARY if found == self.stamp else Attribution.UNKNOWN

    def is_stamped(self, answer: Answer) -> bool:
        """Whether the gateway marked the answer as one of our rule's; never where it cannot."""
        return self.stamps and answer.headers.get(self.stamp_header) == self.stamp

    def word_of(self, answer: Answer) -> Attribution:
        """Which version the application itself says it is."""
        return self.identity.who(self.identify.read(answer))

    def is_canarys_pod(self, answer: Answer) -> bool:
        """Whether the answer names a Pod of the canary; a version may be that of another application, too."""
        return self.identity.whose_pod(self.identify.read(answer)) is Attribution.CANARY

    def is_pod(self, answer: Answer) -> bool:
        """Whether the answer names a Pod of the application, and not its version."""
        return self.identity.whose_pod(self.identify.read(answer)) is not Attribution.UNKNOWN

    def explain(self, answer: Answer) -> str:
        """What the answer shows about who gave it, for a person."""
        if not answer.status:
            return f"no answer: {answer.error}"
        word = self.identify.read(answer) or "nothing"
        source = self.identify.pointer or self.identify.header
        stamp = f", stamp {answer.headers.get(self.stamp_header, 'none')}" if self.stamps else ""
        return f"HTTP {answer.status}, {source} says {word}{stamp}"
