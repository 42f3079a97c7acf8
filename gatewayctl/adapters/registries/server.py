"""A registry as an HTTP server that answers in JSON. What it answers comes from others: nothing in it is trusted."""

import os
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from gatewayctl.adapters.http import fetch, is_passing
from gatewayctl.domain.errors import EnvironmentFailed, Transient, UsageFault
from gatewayctl.domain.evidence import Answer
from gatewayctl.domain.nesting import parse_json

T = TypeVar("T")
_HOST = re.compile(r"[0-9A-Za-z.:_-]{1,255}")

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Login:
    """The names of the environment variables that hold user and password; both empty where none are needed."""

    user_variable: str = ""
    password_variable: str = ""

    def read(self) -> tuple[str, str] | None:
        """User and password; None where none are needed. Raises UsageFault for a variable that is not set."""
        if not self.user_variable:
            return None
        missing = [name for name in (self.user_variable, self.password_variable) if name not in os.environ]
        if missing:
            raise UsageFault(
                f"the variable {missing[0]} is not set", hint="gateway.registry says that the registry needs it"
            )
        return os.environ[self.user_variable], os.environ[self.password_variable]

    def basic(self) -> Headers:
        """The headers of HTTP's Basic authentication. Raises UsageFault."""
        given = self.read()
        if given is None:
            return ()
        return (("authorization", f"Basic {b64encode(':'.join(given).encode()).decode('ascii')}"),)


def get(url: str, headers: Headers = ()) -> Answer:
    """The answer to a GET that asks for JSON: 200 or 404.

    Raises UsageFault when it wants another login, Transient when it cannot answer now, EnvironmentFailed.
    """
    return _checked(url, fetch(url, (("accept", "application/json"), *headers)))


def post(url: str, form: str) -> Answer:
    """The answer to a form. Raises as `get`."""
    kind = ("content-type", "application/x-www-form-urlencoded")
    return _checked(url, fetch(url, (("accept", "application/json"), kind), form))


def _checked(url: str, answer: Answer) -> Answer:
    place = url.partition("?")[0]
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise UsageFault(
            f"{place} answers {answer.status}: it does not accept our login",
            hint="set user_variable and password_variable of gateway.registry",
        )
    if is_passing(answer.status):
        raise Transient(f"{place} answers {answer.status}")
    if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        raise EnvironmentFailed(f"{place} answers {answer.status}", hint="set gateway.registry.url to the registry")
    return answer


def address_of(host: object, port: object) -> str:
    """An instance's address. Raises ValueError for what is none: it comes into texts that people read."""
    if not _HOST.fullmatch(str(host)):
        raise ValueError(host)
    return f"{host}:{int(str(port))}"


def read_json(place: str, text: str, read: Callable[[object], T]) -> T:
    """What `read` makes of a text in JSON. Raises EnvironmentFailed when it is not what the registry documents."""
    try:
        return read(parse_json(text))
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EnvironmentFailed(
            f"{place} does not answer as its kind of registry does",
            hint="set kind and url of gateway.registry to those of the registry",
        ) from fault
