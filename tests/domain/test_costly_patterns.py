"""Regular expressions of gateways: those that Python may try are quick, and the usual ones are among them."""

import re
import time

import pytest

from gatewayctl.domain.costly_patterns import is_costly

LONG = "/api/orders/" + "a" * 60 + "!"
USUAL = [
    "^/api/orders/[0-9]+$",
    r"^/v\d+/(orders|items)/.*\.json$",
    "^/(?:orders|items)(/.*)?$",
    "^(/[a-z]+)*$",
    "^/([^/]+/)*health$",
    r"^/static/(?P<file>.+?)\.(css|js)$",
    r"(?P<id>[a-f0-9-]{36})/(.*)$",
]
COSTLY = [
    "^/(a+)+$",
    "(a*)*$",
    "(a|a)*$",
    "(?:a|aa)+$",
    "((a+)b?)+$",
    "([a-z]+)*$",
    "(/?[a-z]+)*$",
    "(/*a)*$",
    "(/((a)?)?)*$",
    "(/a*a*)*$",
    r"(/[^ ]+)*$",
    r"(/\S+)*$",
    "(a?){60}a{60}",
    "a?" * 60 + "a" * 60,
    ".*" * 12 + "x$",
    "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)b$",
    "(" * 2000,
]


@pytest.mark.parametrize("expression", USUAL)
def test_a_usual_expression_is_tried_and_takes_no_time(expression):
    assert not is_costly(expression, LONG)
    started = time.process_time()
    re.search(expression, LONG)
    assert time.process_time() - started < 10.0


@pytest.mark.parametrize("expression", COSTLY, ids=lambda text: text[:24])
def test_an_expression_that_could_take_hours_is_not_tried(expression):
    assert is_costly(expression, LONG)
