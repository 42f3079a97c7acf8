"""Which regular expressions of a gateway's files Python may try on a path, and which could take it hours.

RE2, for one, takes the same time for each character. Python goes back and tries again: with `^/(a+)+$`, each further
character can double the time. So an expression is judged by its text first, and one in doubt is not tried.
"""

import math
import re

_LONGEST = 1000  # characters of an expression
_MOST_STEPS = 2_000_000  # ways to divide a path among the repetitions; some tenths of a second
_CLASS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_GROUP_START = re.compile(r"\(\?(?:[:=!>]|<[=!]|P?<[^>]*>)")
_LAZY = re.compile(r"([*+?}])[?+]")
_BOUNDS = re.compile(r"\{[\d,]*\}")
_SETS_WITH_SLASH = ("\\S", "\\W", "\\D", "\\/")
_REPEATS = "*+"


def is_costly(expression: str, path: str) -> bool:
    """Whether trying `expression` on `path` could take long. It says yes where it is not certain."""
    if len(expression) > _LONGEST:
        return True
    plain = _simplify(expression)
    repetitions = sum(plain.count(sign) for sign in "*+?")
    return _repeats_a_choice(plain) or math.comb(len(path) + repetitions, repetitions) > _MOST_STEPS


def _simplify(expression: str) -> str:
    """Each set of characters as `x`, or as `.` if it may hold a slash; each count as `*`; groups without their kind."""
    plain = _CLASS.sub(lambda found: "." if _may_be_slash(found[0]) else "x", expression)
    return _LAZY.sub(r"\1", _BOUNDS.sub("*", _GROUP_START.sub("(", plain)))


def _may_be_slash(found: str) -> bool:
    if not found.startswith("["):
        return found in _SETS_WITH_SLASH
    if found.startswith("[^"):
        return "/" not in found
    return "/" in found or any(name in found for name in _SETS_WITH_SLASH) or bool(re.search(r"[ -/]-[/-~]", found))


def _repeats_a_choice(plain: str) -> bool:
    """Whether a group is repeated that could divide the same text in several ways."""
    starts: list[int] = []
    for at, sign in enumerate(plain):
        if sign == "(":
            starts.append(at)
        elif sign == ")" and starts:
            body = plain[starts.pop() + 1 : at]
            if (
                plain[at + 1 : at + 2] in tuple(_REPEATS)
                and any(one in body for one in "*+?|")
                and not _is_segment(body)
            ):
                return True
    return False


def _is_segment(body: str) -> bool:
    """Whether a text can only be divided in one way: a slash begins or ends each repetition, as in `(/[a-z]+)*`."""
    if any(sign in body for sign in "|.(") or body.count("/") != 1 or sum(body.count(sign) for sign in "*+?") != 1:
        return False
    return body.endswith("/") or (body.startswith("/") and body[1:2] not in tuple("*+?"))
