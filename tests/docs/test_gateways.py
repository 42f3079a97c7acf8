"""The page of all gateways says what the gateways' code says, and each has a page of its own."""

import pytest

from gatewayctl.gateways.registry import GATEWAYS
from tests.docs.gateways_table import PAGE, page
from tests.docs.shown import Shown, find_shown


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


def test_what_is_shown_on_a_product_is_read_from_the_marks_of_its_tests(tmp_path):
    file = tmp_path / "e2e" / "test_it.py"
    file.parent.mkdir()
    file.write_text(
        "import pytest\npytestmark = [pytest.mark.all]\n\n"
        '@pytest.mark.shows("nginx", "promoted")\n@pytest.mark.timeout(3)\ndef test_a(): ...\n\ndef test_b(): ...\n'
    )
    assert find_shown(tmp_path) == (Shown("nginx", "promoted", file, "test_a", "make e2e-all"),)

    file.write_text(file.read_text().replace("promoted", "demoted").replace("all]", "jvm]"))
    with pytest.raises(ValueError, match=r"test_it.py:6: 'demoted' is none of odd requests"):
        find_shown(tmp_path)


def test_each_test_that_shows_something_is_of_a_gateway_that_there_is():
    assert {one.kind for one in find_shown()} == set(GATEWAYS)
