"""The page of all gateways says what the gateways' code says, and each has a page of its own."""

import pytest

from gatewayctl.gateways.registry import GATEWAYS
from tests.docs.gateways_table import PAGE, page


def test_the_support_tables_are_those_that_the_code_makes():
    text = PAGE.read_text(encoding="utf-8")

    assert text == page(text), "run: python -m tests.docs.gateways_table"


@pytest.mark.parametrize("kind", GATEWAYS)
def test_each_gateway_has_a_page_and_the_readme_leads_there(kind):
    assert f"`kind: {kind}`" in (PAGE.parent / f"{kind}.md").read_text(encoding="utf-8")
    assert f"docs/{kind}.md" in (PAGE.parents[1] / "README.md").read_text(encoding="utf-8")


def test_a_page_without_marks_is_not_written():
    with pytest.raises(ValueError, match="no place for the tables"):
        page("# Gateways\n")
