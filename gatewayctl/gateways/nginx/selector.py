"""How the two parts of a canary rule find their requests: by the header, and as a share of all others.

Each part compares one variable of nginx with one value. For the share it is a variable that is `on` for this share of
the requests, chosen at random for each request, also on a connection that is kept open.
"""

from dataclasses import dataclass
from hashlib import sha256

from gatewayctl.domain.routing import CanaryRule

# With nginx's default variables_hash_bucket_size, 64 on most machines, a longer name keeps nginx from loading its files
# (measured: 46 letters load, 47 do not). The longest of our names adds 20 letters to the application's.
_LONGEST = 26
_DIGEST = 8


@dataclass(frozen=True, slots=True)
class Selector:
    """One part of a rule: it takes the requests for which the variable `variable` has the value `value`.

    `name` marks the part in the file, and `route` is what its first comment says of it. The variables that its lines
    set begin with `stem`. `prelude` are lines to put before the first use of `variable` in a location. `keeps_settings`
    is true of the part that writes the lines for the whole location: two would set the same header twice.
    """

    name: str
    route: str
    variable: str
    value: str
    stem: str
    prelude: tuple[str, ...] = ()
    keeps_settings: bool = True

    @property
    def condition(self) -> str:
        """The condition of an `if` that the part's requests meet."""
        return f'{self.variable} = "{self.value}"'


def header_selector(rule: CanaryRule) -> Selector:
    """The part for requests with the canary's header."""
    variable = f"$http_{rule.header.name.replace('-', '_')}"
    route = f"{rule.header} -> {rule.canary}"
    return Selector(rule.name, route, variable, rule.header.value, variable_stem(rule))


def share_selector(rule: CanaryRule, prelude: tuple[str, ...] = ()) -> Selector:
    """The part for a share of the requests without it."""
    route = f"{rule.share} % of unmarked requests -> {rule.canary}"
    stem = f"gatewayctlshare_{_word(rule.app)}"
    return Selector(rule.share_name, route, share_variable(rule), "on", stem, prelude, keeps_settings=False)


def share_variable(rule: CanaryRule) -> str:
    """The variable that is `on` for the share of the requests, and else empty.

    Its name begins in another way than all others of ours, so that no name of an application makes two of them equal.
    """
    return f"$gatewayctlsplit_{_word(rule.app)}"


def variable_stem(rule: CanaryRule) -> str:
    """What the names of the variables that we set begin with."""
    return f"gatewayctl_{_word(rule.app)}"


def _word(app: str) -> str:
    """The name of an application as a part of a variable's name; a long one is cut, and made unique by a digest."""
    word = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in app)
    if len(word) <= _LONGEST:
        return word
    return f"{word[: _LONGEST - _DIGEST - 1]}_{sha256(app.encode()).hexdigest()[:_DIGEST]}"
