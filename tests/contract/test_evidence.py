"""The contract of ports.Evidence."""

from tests.contract.harness import Books


def test_a_document_is_kept_as_it_was_put(books: Books) -> None:
    text = "é\r\nno final newline\ttab"

    books.evidence.put("r-1", "before.yaml", text)

    assert books.document("r-1", "before.yaml") == text


def test_a_document_put_again_replaces_the_first(books: Books) -> None:
    books.evidence.put("r-1", "probes.json", "a much longer first text")
    books.evidence.put("r-1", "probes.json", "second")

    assert books.document("r-1", "probes.json") == "second"


def test_releases_have_bundles_of_their_own(books: Books) -> None:
    books.evidence.put("r-1", "plan.txt", "one")
    books.evidence.put("r-2", "plan.txt", "two")

    assert (books.document("r-1", "plan.txt"), books.document("r-2", "plan.txt")) == ("one", "two")
    assert books.document("r-3", "plan.txt") is None
    assert books.evidence.folder("r-1") != books.evidence.folder("r-2")
