"""The contract of ports.Evidence."""

from tests.contract.harness import Books


def test_a_document_is_kept_as_it_was_put(books: Books) -> None:
    text = "é\r\nno final newline\ttab"

    books.evidence.put("r-1", "before.yaml", text)

    assert books.document("r-1", "before.yaml") == text
    assert books.evidence.get("r-1", "before.yaml") == text


def test_a_document_put_again_replaces_the_first(books: Books) -> None:
    books.evidence.put("r-1", "probes.json", "a much longer first text")
    books.evidence.put("r-1", "probes.json", "second")

    assert books.document("r-1", "probes.json") == "second"
    assert books.evidence.get("r-1", "probes.json") == "second"


def test_releases_have_bundles_of_their_own(books: Books) -> None:
    books.evidence.put("r-1", "plan.txt", "one")
    books.evidence.put("r-2", "plan.txt", "two")

    assert (books.document("r-1", "plan.txt"), books.document("r-2", "plan.txt")) == ("one", "two")
    assert books.document("r-3", "plan.txt") is None
    assert books.evidence.folder("r-1") != books.evidence.folder("r-2")


def test_what_was_never_put_is_not_there(books: Books) -> None:
    books.evidence.put("r-1", "plan.txt", "one")

    assert books.evidence.get("r-1", "load.json") is None
    assert books.evidence.get("r-9", "plan.txt") is None
    assert books.evidence.names("r-9") == ()


def test_the_names_of_a_bundle_are_those_of_its_own_documents_in_order(books: Books) -> None:
    for name in ("probes.json", "add/before/rds.yaml", "audit.jsonl"):
        books.evidence.put("r-1", name, name)
    books.evidence.put("r-2", "plan.txt", "two")

    assert books.evidence.names("r-1") == ("add/before/rds.yaml", "audit.jsonl", "probes.json")
    assert [books.evidence.get("r-1", name) for name in books.evidence.names("r-1")] == list(
        books.evidence.names("r-1")
    )
