"""What cannot be undone byte for byte is never returned, whatever the dialect; broken on purpose here."""

import pytest

from gatewayctl.domain.errors import Refused
from gatewayctl.domain.routing import Change, Files, SourceFile
from gatewayctl.gateways.no_readback import NoReadback
from gatewayctl.gateways.product import GatewayProduct, Watches
from gatewayctl.gateways.registry import GATEWAYS, gateway
from gatewayctl.gateways.reversible import Reversible
from tests.contract.dialects import a_rule
from tests.fakes.toy import ToyChecker, ToyDialect

FILES = (SourceFile("ours.txt", "# the team's\n/api/orders -> orders\n"), SourceFile("theirs.txt", "/ -> web\n"))


class CarelessDialect(ToyDialect):
    """The toy, but taking a rule away takes the comments with it."""

    def remove(self, files: Files, app: str) -> Change:
        bare = super().remove(files, app).apply(files)
        if bare == files:
            return Change(())
        return Change.between(files, tuple(_without_comments(file) for file in bare))


def _without_comments(file: SourceFile) -> SourceFile:
    lines = file.text.splitlines(keepends=True)
    return SourceFile(file.name, "".join(line for line in lines if not line.startswith("#")))


def test_an_edit_that_cannot_be_undone_exactly_is_refused_and_names_the_files():
    assert CarelessDialect().insert(FILES, a_rule()).stages

    with pytest.raises(Refused) as refusal:
        Reversible(CarelessDialect()).insert(FILES, a_rule())

    reason = "taking this rule away again would not give back the same bytes"
    assert str(refusal.value) == f"ours.txt, theirs.txt: {reason}"


def test_an_edit_that_can_be_undone_is_the_dialects_own():
    plain = ToyDialect()

    assert Reversible(plain).insert(FILES, a_rule()) == plain.insert(FILES, a_rule())
    assert Reversible(plain).routes(FILES) == plain.routes(FILES)
    assert Reversible(plain).limits == plain.limits


def test_a_rule_that_is_there_already_needs_no_edit_and_so_no_proof():
    after = ToyDialect().insert(FILES, a_rule()).apply(FILES)

    assert (
        Reversible(CarelessDialect()).insert((SourceFile("a", after[0].text.split("\n", 1)[1]),), a_rule()).stages == ()
    )


def test_what_was_there_of_the_same_owner_is_no_part_of_what_has_to_come_back():
    old = ToyDialect().insert(FILES, a_rule(value="old")).apply(FILES)

    new = Reversible(ToyDialect()).insert(old, a_rule()).apply(old)

    assert new == ToyDialect().insert(FILES, a_rule()).apply(FILES)


def test_no_product_gets_around_it():
    careless = GatewayProduct("toy", "lines", "not at all", CarelessDialect(), NoReadback, ToyChecker, Watches())

    with pytest.raises(Refused, match="would not give back the same bytes"):
        careless.dialect.insert(FILES, a_rule())


@pytest.mark.parametrize("kind", GATEWAYS)
def test_every_gateway_has_its_edits_proven(kind):
    assert gateway(kind).dialect == Reversible(gateway(kind).plain_dialect)


@pytest.mark.parametrize("kind", sorted(GATEWAYS))
def test_text_that_no_file_can_hold_is_refused_with_its_line(kind):
    files = (SourceFile("routes.yaml", "# one\n# half a pair: \ud800\n"),)
    dialect = gateway(kind).dialect

    for edit in (
        lambda: dialect.routes(files),
        lambda: dialect.insert(files, a_rule()),
        lambda: dialect.remove(files, "a"),
    ):
        with pytest.raises(Refused, match=r"routes\.yaml:2: not UTF-8 text"):
            edit()
