"""A canary rule and files, as the tests of every dialect need them."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import CanaryRule, Files, Header, SourceFile
from gatewayctl.ports import Dialect


def a_rule(app="orders", value="always", stamp="r-1", **changes) -> CanaryRule:
    """The canary rule of an application whose service has the same name; `changes` are other fields of the rule."""
    fields = {"service": app, "canary": f"{app}-canary", "header": Header("x-canary", value), **changes}
    return CanaryRule(app=app, stamp=stamp, **fields)


def one_file(text: str, name: str) -> Files:
    """A gateway with one file."""
    return (SourceFile(name, text),)


def insert(dialect: Dialect, files: Files, rule: CanaryRule) -> Files:
    """The files with the rule."""
    return dialect.insert(files, rule).apply(files)


def text_of(files: Files) -> str:
    """The text of the only file."""
    (only,) = files
    return only.text


def catch_refusal(dialect: Dialect, files: Files, rule: CanaryRule) -> Refused:
    """The refusal of an insert; fails if there is none."""
    with pytest.raises(Refused) as caught:
        dialect.insert(files, rule)
    return caught.value
