"""A session in a model card: what the Hub's own library reads back, and what stays as it was."""

import warnings

import cmarkgfm
import pytest
import yaml
from exports_support import HOSTILE
from huggingface_hub import ModelCard, ModelCardData

from origin.core.record import Gap, LicenseRecord, SourceRecord
from origin.errors import ConfigurationError, OriginWarning, SessionNotFoundError, StorageError
from origin.query.engine import QueryEngine

CARD = """---
# by hand
language: en
license: cc-by-nc-4.0 # chosen
datasets:
- imdb # reviews
---

# Our model

Text, with `---` in it.

---

The end.
"""


@pytest.fixture
def session(db, write):
    db.record_source(SourceRecord("imdb", url="https://huggingface.co/datasets/imdb"))
    session = write.run([1, 2], [2, 3, 4], source="acme/books", license_id="CC-BY-NC-4.0")
    db.append([write.batch(write.stream(session, "imdb", "CC0-1.0"), 0, [1, 9])])
    db.end_session(session.session_id)
    return session


@pytest.fixture
def readme(out):
    return out / "README.md"


def without_section(text):
    before, _, rest = text.partition("<!-- origin-provenance: begin")
    assert rest
    return before + rest.partition("<!-- origin-provenance: end -->")[2]


def test_guide_section_8(exporter, session, out, monkeypatch):
    """The card that the guide writes by hand is one that the Hub reads, and can be updated."""
    monkeypatch.chdir(out)
    hf_data = exporter.to_huggingface(session.session_id)
    model_card = f"""
---
license: {hf_data["license"]}
datasets: {hf_data["datasets"]}
---

# Model Card

## Training Data Provenance

- Total samples: {hf_data["training_data"]["samples"]}
- Provenance fingerprint: {hf_data["training_data"]["provenance_fingerprint"]}

## License Information

{hf_data["license"]}
"""
    with open("README.md", "w") as f:
        f.write(model_card)
    card = ModelCard.load("README.md")
    assert card.data.license == hf_data["license"] == "cc-by-nc-4.0"
    assert card.data.datasets == hf_data["datasets"] == ["acme/books", "imdb"]
    updated = exporter.update_model_card("README.md", session.session_id)
    assert updated.data.to_dict() == card.data.to_dict()
    assert without_section((out / "README.md").read_text()).startswith(model_card)


def test_a_new_card(db, exporter, session, readme):
    card = exporter.update_model_card(readme, session)
    assert ModelCard.load(readme).content == card.content
    assert card.data.to_dict() == {"license": "cc-by-nc-4.0", "datasets": ["acme/books", "imdb"]}
    fingerprint = QueryEngine(db).fingerprint_session(session)
    html = cmarkgfm.github_flavored_markdown_to_html(card.text)
    assert "<h2>Training data provenance</h2>" in html
    assert "<h3>Sources</h3>" in html
    assert f"<code>{fingerprint}</code>" in html
    assert '<td align="left"><code>acme/books</code></td>' in html


def test_the_rest_stays(exporter, session, readme):
    readme.write_text(CARD)
    card = exporter.update_model_card(readme, session)
    text = readme.read_text()
    assert card.data.datasets == ["imdb", "acme/books"]
    assert card.data.license == "cc-by-nc-4.0"
    wanted = CARD.replace("- imdb # reviews\n", "- imdb # reviews\n- acme/books\n")
    assert without_section(text) == wanted + "\n\n"
    assert text.startswith(wanted + "\n<!-- origin-provenance: begin")


@pytest.mark.parametrize("line", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_twice_is_once(exporter, session, readme, line, mark):
    readme.write_bytes((mark + CARD.replace("\n", line)).encode())
    exporter.update_model_card(readme, session)
    once = readme.read_bytes()
    assert once.count(b"\n") == once.count(line.encode())
    times = readme.stat().st_mtime_ns
    exporter.update_model_card(readme, session)
    assert readme.read_bytes() == once
    assert readme.stat().st_mtime_ns == times
    moved = once.decode() + f"{line}# After{line}"
    readme.write_bytes(moved.encode())
    exporter.update_model_card(readme, session)
    assert readme.read_bytes().decode() == moved


def test_another_session_replaces_what_the_first_wrote(db, write, exporter, session, readme):
    readme.write_text("# Our model\n")
    first = exporter.update_model_card(readme, session)
    assert (first.data.license, first.data.datasets) == ("cc-by-nc-4.0", ["acme/books", "imdb"])
    other = write.run([5], source="imdb", license_id=None)
    db.append([write.batch(write.stream(other, "acme/code", "GPL-3.0-or-later"), 0, [1, 9])])
    db.append([write.batch(write.stream(other, "a b c", "MIT"), 0, [1, 9])])
    second = exporter.update_model_card(readme, other)
    told = exporter.to_huggingface(other)
    assert second.data.datasets == ["imdb", "acme/code"]
    assert second.data.license == told["license"] == "other"
    assert second.data.license_name == told["license_name"]
    assert session.session_id not in readme.read_text()
    third = exporter.update_model_card(readme, session)
    assert third.data.to_dict() == {"datasets": ["imdb", "acme/books"], "license": "cc-by-nc-4.0"}


def test_a_license_that_somebody_chose(db, write, exporter, session, readme):
    readme.write_text(CARD.replace("cc-by-nc-4.0", "mit"))
    with pytest.warns(OriginWarning, match=r"keeps its license 'mit', though .* 'cc-by-nc-4\.0'"):
        card = exporter.update_model_card(readme, session)
    assert card.data.license == "mit"
    assert "license: mit # chosen\n" in readme.read_text()
    assert "comes under `CC-BY-NC-4.0`" in card.text
    card = exporter.update_model_card(readme, session, replace_license=True)
    assert card.data.license == "cc-by-nc-4.0"
    assert "license: cc-by-nc-4.0 # chosen\n" in readme.read_text()


def test_what_somebody_else_wrote_is_never_taken_out(db, write, exporter, session, readme):
    """Neither a data set that the first session had as well, nor a license edited since."""
    mine = "datasets:\n- imdb # mine\n- squad\n"
    readme.write_text(f"---\n{mine}---\n# Ours\n")
    exporter.update_model_card(readme, session)
    other = write.run([5], source="acme/code", license_id="GPL-3.0-or-later")
    card = exporter.update_model_card(readme, other)
    assert card.data.datasets == ["imdb", "squad", "acme/code"]
    assert "- imdb # mine\n- squad\n- acme/code\n" in readme.read_text()
    assert (card.data.license, card.data.license_name) == ("other", "gpl-3.0-or-later")
    readme.write_text(
        readme.read_text().replace("license_name: gpl-3.0-or-later", "license_name: ours")
    )
    with pytest.warns(OriginWarning, match=r"keeps its license 'other' \(ours\)"):
        card = exporter.update_model_card(readme, session)
    assert (card.data.license, card.data.license_name) == ("other", "ours")


def test_a_license_that_is_only_named(exporter, session, readme):
    readme.write_text("---\nlicense_name: acme-eula\nlicense_link: https://a.example\n---\n")
    with pytest.warns(OriginWarning, match="acme-eula"):
        card = exporter.update_model_card(readme, session)
    assert (card.data.license, card.data.license_name) == (None, "acme-eula")


def test_marks_that_are_shown_as_code(exporter, session, readme):
    example = (
        "```\n<!-- origin-provenance: begin -->\nlike this\n<!-- origin-provenance: end -->\n```\n"
    )
    readme.write_text(example)
    exporter.update_model_card(readme, session)
    once = readme.read_text()
    assert once.count("origin-provenance: begin") == 2
    assert example in once
    exporter.update_model_card(readme, session)
    assert readme.read_text() == once


def test_a_warning_names_the_line_of_the_user(exporter, session, readme):
    readme.write_text(CARD.replace("cc-by-nc-4.0", "mit"))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        exporter.update_model_card(readme, session)
    assert [one.filename for one in caught] == [__file__]


def test_a_card_at_hand(exporter, session):
    data = ModelCardData(language="en", datasets=["imdb"], tags=["a"])
    card = ModelCard(f"---\n{data.to_yaml()}\n---\n\n# Ours\n")
    same = exporter.update_model_card(card, session)
    assert same is card
    assert card.data.to_dict() == {
        "language": "en",
        "datasets": ["imdb", "acme/books"],
        "tags": ["a"],
        "license": "cc-by-nc-4.0",
    }
    assert card.text.startswith("\n# Ours\n")
    once = str(card)
    exporter.update_model_card(card, session)
    assert str(card) == once
    bare = exporter.update_model_card(ModelCard("# Ours\n"), session)
    assert bare.data.license == "cc-by-nc-4.0"


def test_every_kind_of_session(exporter, readme, odd):
    how = odd.config_hash
    card = exporter.update_model_card(readme, odd)
    assert card.data.license == ("unknown" if how in ("empty", "unlicensed") else "mit")
    assert ("the record is not complete" in card.text) is (how in ("empty", "gaps"))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_texts(db, write, exporter, readme, text):
    """One YAML document, no new element, and the section where it was."""
    db.record_source(SourceRecord(text, text, text, text, title=text, author=text, url=text))
    db.record_license(LicenseRecord(text, text, text, permissions=[text], conditions=[text]))
    session = db.begin_session(text, {text: text})
    stream = db.open_stream(session.session_id, text).stream_no
    db.append([write.batch(stream, 0, [1])], [Gap(stream, 1, 1, text)])
    readme.write_text(CARD)
    card = exporter.update_model_card(readme, session, replace_license=True)
    front = readme.read_text().split("\n---\n")[0]
    assert len(list(yaml.safe_load_all(front))) == 1
    assert card.data.datasets == ["imdb"]
    assert card.data.license == "other"
    once = readme.read_bytes()
    exporter.update_model_card(readme, session, replace_license=True)
    assert readme.read_bytes() == once
    html = cmarkgfm.github_flavored_markdown_to_html(card.text)
    for tag in ("<script", "<img", "onerror=y>"):
        assert tag not in html
    rest = CARD.partition("\n---\n")[2]
    assert without_section(card.text).startswith(rest)


# -- what is wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "---\na: [1\n---\n",
        "---\n- a\n---\n",
        "---\nlicense: a\nlicense: b\n---\n",
        "---\nmodel-index: 7\n---\n",
        "---  \nlicense: mit\n---\n",
        "---\rlicense: mit\r---\r",
        "<!-- origin-provenance: begin -->\n",
        "<!-- origin-provenance: end -->\n",
        "<!-- origin-provenance: end -->\n<!-- origin-provenance: begin -->\n",
        2 * "<!-- origin-provenance: begin -->\n<!-- origin-provenance: end -->\n",
    ],
)
def test_a_card_that_cannot_be_changed_stays(exporter, session, readme, text):
    readme.write_text(text, newline="")
    with pytest.raises(ConfigurationError, match=r"README\.md"):
        exporter.update_model_card(readme, session)
    assert readme.read_bytes() == text.encode()


def test_what_is_no_card(exporter, session, out, readme):
    readme.write_bytes(b"\xff\xfe# A")
    with pytest.raises(ConfigurationError, match="not in UTF-8"):
        exporter.update_model_card(readme, session)
    with pytest.raises(ConfigurationError, match="is no regular file"):
        exporter.update_model_card("/dev/zero", session)
    with pytest.raises(StorageError, match="File name too long"):
        exporter.update_model_card("a" * 5_000, session)
    with pytest.raises(ConfigurationError, match="is a folder; name a file in it"):
        exporter.update_model_card(out, session)
    for card in ("", None, 7, b"README.md"):
        with pytest.raises(ConfigurationError, match="given as its path or as a"):
            exporter.update_model_card(card, session)
    with pytest.raises(SessionNotFoundError):
        exporter.update_model_card(out / "new.md", "no such session")
    assert not (out / "new.md").exists()
