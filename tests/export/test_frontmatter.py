"""Front matter that is changed in place: what is asked for, and not one character more."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from origin.errors import ConfigurationError
from origin.export import frontmatter
from origin.export.frontmatter import FrontMatter


@pytest.fixture(autouse=True, params=["CSafeLoader", "SafeLoader"])
def loader(request, monkeypatch):
    """With the compiled parser and without it."""
    monkeypatch.setattr(frontmatter, "_loader", lambda: getattr(yaml, request.param))


CARD = """---
# chosen by the team
language: [en,   de]     # two
license: "mit"   # for now
tags:
    - text   # kept

    - 'more text'
datasets:
  - imdb # reviews
  # and
  - acme/books

model-index:
- name: x
  results: []
pipeline_tag: text-generation
---
# A model

--- not the end
"""


def changed(text, *steps):
    front = FrontMatter(text)
    for name, *arguments in steps:
        getattr(front, name)(*arguments)
    return str(front)


def test_nothing_asked_nothing_changed():
    assert str(FrontMatter(CARD)) == CARD
    assert changed(CARD, ("set", "license", "mit"), ("add", "datasets", ["imdb"])) == CARD
    assert changed(CARD, ("remove", "none"), ("discard", "datasets", ["x"])) == CARD


@pytest.mark.parametrize(
    ("step", "old", "new"),
    [
        (("set", "license", "other"), 'license: "mit"   # for now', "license: other   # for now"),
        (("set", "license", "no"), 'license: "mit"   # for now', "license: 'no'   # for now"),
        (("set", "language", "en"), "language: [en,   de]     # two", "language: en     # two"),
        (("remove", "license"), 'license: "mit"   # for now\n', ""),
        (("remove", "datasets"), "datasets:\n  - imdb # reviews\n  # and\n  - acme/books\n", ""),
        (
            ("add", "datasets", ["imdb", "c", "c"]),
            "  - acme/books\n",
            "  - acme/books\n  - c\n",
        ),
        (("add", "language", ["fr"]), "[en,   de]     # two", "[en,   de, fr]     # two"),
        (("add", "language", ["a, b"]), "[en,   de]     # two", "[en,   de, 'a, b']     # two"),
        (("discard", "language", ["en"]), "[en,   de]", "[de]"),
        (("add", "tags", ["a: b"]), "    - 'more text'\n", "    - 'more text'\n    - 'a: b'\n"),
        (("discard", "datasets", ["imdb"]), "  - imdb # reviews\n", ""),
        (("discard", "datasets", ["acme/books"]), "  - acme/books\n", ""),
        (("discard", "tags", ["more text", "?"]), "    - 'more text'\n", ""),
        (("discard", "language", ["de"]), "[en,   de]", "[en]"),
        (
            ("set", "license_name", "ours"),
            "pipeline_tag: text-generation\n",
            "pipeline_tag: text-generation\nlicense_name: ours\n",
        ),
    ],
)
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_one_place_is_changed(step, old, new, line):
    assert CARD.count(old) == 1
    wanted = CARD.replace(old, new).replace("\n", line)
    assert changed(CARD.replace("\n", line), step) == wanted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "---\nlicense: mit\n---\n"),
        ("# A model\n", "---\nlicense: mit\n---\n# A model\n"),
        ("---\n---\n# A", "---\nlicense: mit\n---\n# A"),
        ("---\n{}\n---\n# A", "---\nlicense: mit\n---\n# A"),
        ("---\n\n---\n# A", "---\nlicense: mit\n---\n# A"),
        ("---\n# why\n---\n# A", "---\n# why\nlicense: mit\n---\n# A"),
        ("---\nlicense:\n---", "---\nlicense: mit\n---"),
        ("---\nlicense:   # todo\na: 1\n---\n", "---\nlicense: mit   # todo\na: 1\n---\n"),
        ("---\nlicense: |\n  a\n  b\n# c\na: 1\n---\n", "---\nlicense: mit\n# c\na: 1\n---\n"),
        ("---\nlicense:\n- a\n- b # c\nd: 1\n---\n", "---\nlicense: mit # c\nd: 1\n---\n"),
        ("---\nlicense:\n  a:\n  - b\nd: 1\n---\n", "---\nlicense: mit\nd: 1\n---\n"),
        ("---\na: .nan\n---\n", "---\na: .nan\nlicense: mit\n---\n"),
        ("---\n1: 2\n---\n", "---\n1: 2\nlicense: mit\n---\n"),
        ("---\r\na: 1\r\n---\r\nb", "---\r\na: 1\r\nlicense: mit\r\n---\r\nb"),
        ("---\na: ü \U0001d54f\nlicense: x\n---\n", "---\na: ü \U0001d54f\nlicense: mit\n---\n"),
    ],
)
def test_wherever_it_stands(before, after):
    assert changed(before, ("set", "license", "mit")) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\ndatasets:\n- x"),
        ("datasets:", "datasets: [x]"),
        ("datasets: []", "datasets: [x]"),
        (
            "datasets: [ # mine\n 'a', # keep\n no,\n]",
            "datasets: [ # mine\n 'a', # keep\n no, x,\n]",
        ),
        ("datasets: ['a' , 'b' ]", "datasets: ['a' , 'b', x ]"),
        ("datasets: imdb", "datasets: [imdb, x]"),
        ("datasets:\n- imdb", "datasets:\n- imdb\n- x"),
        ("datasets:\n-\n-   imdb\n# c\nb: 1", "datasets:\n-\n-   imdb\n- x\n# c\nb: 1"),
        ("datasets:\n- {a: b}\nb: 1", "datasets:\n- {a: b}\n- x\nb: 1"),
    ],
)
def test_lists_however_they_stand(before, after):
    added = changed(f"---\n{before}\n---\n", ("add", "datasets", ["x"]))
    assert added == f"---\n{after}\n---\n"
    taken = FrontMatter(changed(added, ("discard", "datasets", ["x"]))).values.get("datasets")
    told = yaml.safe_load(before).get("datasets") or None
    assert taken == (told if told is None or isinstance(told, list) else [told])


@pytest.mark.parametrize(
    "front",
    [
        "a: [1",
        "- a\n- b",
        "just text",
        "{license: mit}",
        "license: a\nlicense: b",
        "a: !!python/object:os.system x",
        "a: &x mit\nlicense: *x",
        "? license\n: mit",
        "<<: 1",
        "a: 2026-99-99",
        "\x00",
        "[" * 5_000,
    ],
)
def test_what_cannot_be_changed(front):
    with pytest.raises(ConfigurationError, match="front matter"):
        changed(f"---\n{front}\n---\n", ("set", "license", "isc"))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from(["license", "datasets", "tags", "a", "é", "model-index"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.dictionaries(NAMES, VALUES, max_size=5),
    flow=st.sampled_from([None, False]),
    listed=st.lists(st.text(max_size=8), max_size=4),
    text=st.text(max_size=12),
)
def test_any_front_matter(told, flow, listed, text):
    """What is asked for holds, everything else reads as before, and it can be undone."""
    told = {**told, "datasets": listed}
    dumped = yaml.safe_dump(told, default_flow_style=flow, sort_keys=False)
    card = f"---\n{dumped}---\n# A model\n"
    front = FrontMatter(card)
    front.set("license", text)
    front.add("datasets", ["acme/own"])
    wanted = {**told, "license": text, "datasets": [*dict.fromkeys([*listed, "acme/own"])]}
    if len(set(listed)) < len(listed):
        wanted["datasets"] = [*listed, *(["acme/own"] if "acme/own" not in listed else [])]
    assert FrontMatter(str(front)).values == wanted
    assert str(front).endswith("\n---\n# A model\n")
    front.discard("datasets", ["acme/own"])
    left = [one for one in listed if one != "acme/own"]
    assert FrontMatter(str(front)).values.get("datasets", []) == left
    front.remove("license")
    assert "license" not in FrontMatter(str(front)).values
