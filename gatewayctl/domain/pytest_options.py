"""Which options of pytest, and which variables, a team may not set: those that would hide what its suite does."""

import re
from collections.abc import Iterator

_NO_TEST_RUNS = "no test would run"
_NOBODY_TYPES = "nobody can type into a suite"
_REFUSED = {
    "--junitxml": "gatewayctl writes the JUnit file into the evidence",
    "--junit-xml": "gatewayctl writes the JUnit file into the evidence",
    "--looponfail": "the suite would never end",
    "-f": "the suite would never end",
    **dict.fromkeys(("--pdb", "--trace"), _NOBODY_TYPES),
    **dict.fromkeys(
        (
            *("--collect-only", "--collectonly", "--co", "--setup-only", "--setuponly", "--setup-plan", "--setupplan"),
            *("--fixtures", "--funcargs", "--fixtures-per-test", "--markers", "--cache-show"),
            *("--help", "-h", "--version", "-V"),
        ),
        _NO_TEST_RUNS,
    ),
    "--": "options that gatewayctl adds behind it would be taken for files",
}
_WITH_VALUE = "kmpocrWnd"  # short options that take what follows as their value
_LONG_WITH_VALUE = ("--override-ini",)  # of the refused ones
_OUR_PLUGINS = ("no:gatewayctl", "no:junitxml")
_OUR_SETTINGS = ("cache_dir", "junit_")
_OURS = ("GATEWAYCTL_", "PYTEST_XDIST_", "PYTEST_CURRENT_TEST", "BASE_URL")


def refuse_argument(arguments: tuple[str, ...]) -> str:
    """The first of `arguments` that must not be given to pytest, with the reason; empty when there is none."""
    for option, value in _split(arguments):
        if option.startswith("@"):
            return f"{option}: write the arguments of this file here, so that they can be checked"
        if option in _REFUSED:
            return f"{option}: {_REFUSED[option]}"
        if option == "-p" and value.startswith(_OUR_PLUGINS):
            return f"-p {value}: gatewayctl needs this plugin"
        if option in ("-o", "--override-ini") and value.startswith(_OUR_SETTINGS):
            return f"-o {value.partition('=')[0]}: gatewayctl sets it, so that the file is in the evidence"
    return ""


def _split(arguments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Options, each with its value. Short ones may be written together, as in `-xvk name`; other words stand alone."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-") or word == "--":
            yield word, ""
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            yield name, value if equals or name not in _LONG_WITH_VALUE else next(words, "")
        else:
            switches, option, value = _take_apart(word[1:])
            yield from ((f"-{letter}", "") for letter in switches)
            if option:
                yield f"-{option}", value.removeprefix("=") or next(words, "")


def _take_apart(letters: str) -> tuple[str, str, str]:
    """Short options without a value, the one with a value behind them, and the value if it is in the same word."""
    first = next((place for place, letter in enumerate(letters) if letter in _WITH_VALUE), len(letters))
    return letters[:first], letters[first : first + 1], letters[first + 1 :]


def refuse_variable(name: str) -> str:
    """Why a suite must not be given the variable `name`; empty when it may."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"{name!r} is no name of a variable"
    return f"{name}: gatewayctl sets it" if name.startswith(_OURS) else ""
