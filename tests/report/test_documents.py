"""Claims under their documents."""

from dataclasses import replace

from dynopt.report.documents import by_document


def grouped(verification, *sources):
    """Titles with the number of claims; all claims are from one file."""
    one = verification.claims[0]
    claims = [replace(one, id=str(i), source=source) for i, source in enumerate(sources)]
    return {title: len(group) for title, group in by_document(claims).items()}


def test_documents(verification):
    assert grouped(verification, "Doe 2021, thesis, (3.1)", "Doe 2021, thesis, Lemma 2", "Slides, page 4") == {
        "Doe 2021, thesis": 2,
        "Slides": 1,
    }
    assert grouped(verification, "ours, table (Cauchy 1847, (1))", "ours, table (Ma 2019)") == {"ours, table": 2}
    assert grouped(verification, "Doe 2021, thesis, (3.1)") == {"Doe 2021": 1}  # one claim does not tell document from place


def test_a_source_without_a_document_joins_its_file(verification):
    assert grouped(verification, "our own form (new)", "Doe 2021, (3.1)", "Doe 2021, (3.2)") == {"Doe 2021": 3}
    assert grouped(verification, "our own form (new)") == {"our own form (new)": 1}
