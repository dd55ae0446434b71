"""From the address of a license to its id."""

import re
from collections.abc import Callable

from origin.core.license.reading.expression import One, Reading
from origin.core.license.reading.hub import read_hub
from origin.core.license.reading.names import read_id, read_name

_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_BARE = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/\S*|www\.\S+", re.IGNORECASE)
# Two letters are a language, or md.
_FILE = re.compile(r"(?:\.(?:html?|txt|php|json|pdf|xml|rdf|[a-z]{2}(?:-[a-z]{2})?))+$")
_LLAMA = re.compile(r"(?:meta-)?llama-?(\d+)(?:[._](\d+))?(?=$|[^0-9._])")

# Addresses with nothing in them to read.
_FIXED = {
    "ai.google.dev/gemma/terms": "gemma",
    "bigcode-project.org/docs/pages/bigcode-openrail": "bigcode-openrail-m",
    "boost.org/license_1_0": "BSL-1.0",
    "huggingface.co/spaces/bigcode/bigcode-model-license-agreement": "bigcode-openrail-m",
    "huggingface.co/spaces/bigscience/license": "bigscience-bloom-rail-1.0",
    "huggingface.co/spaces/compvis/stable-diffusion-license": "creativeml-openrail-m",
    "mit-license.org": "MIT",
    "openfontlicense.org": "OFL",
    "opensource.org/licenses/bsd-license": "bsd",
    "openmdw.ai/license/1-0": "openmdw-1.0",
    "openmdw.ai/license/1-1": "openmdw-1.1",
    "scripts.sil.org/ofl": "OFL",
    "unlicense.org": "Unlicense",
    "wtfpl.net": "WTFPL",
}


def is_link(text: str) -> bool:
    """Whether a text is an address and nothing else.

    >>> is_link("https://mit-license.org"), is_link("opensource.org/licenses/MIT"), is_link("MIT")
    (True, True, False)
    """
    if " " in text:
        return False
    return bool(_SCHEME.match(text) or _BARE.fullmatch(text))


def read_link(text: str) -> Reading | None:
    """Read the address of a license.

    Args:
        text: the address, with ``https://`` or without.

    Returns:
        What it was read as, without a license if it points to several; None if it is not known.

    >>> read_link("https://creativecommons.org/licenses/by-sa/4.0/deed.de").tree.key
    'CC-BY-SA-4.0'
    """
    host, path = _parted(text)
    fixed = _FIXED.get("/".join([host, *path]))
    if fixed is not None:
        return _named(fixed, text)
    reader = _READERS.get(host)
    return reader(path, text) if reader is not None and path else None


def _parted(text: str) -> tuple[str, list[str]]:
    """The host without ``www.``, and the path without what does not tell licenses apart."""
    plain = _SCHEME.sub("", re.split(r"[?#]", text, maxsplit=1)[0], count=1).casefold()
    host, *path = plain.split("/")
    host = host.rpartition("@")[2].partition(":")[0].removeprefix("www.")
    parts = [part for part in path if part]
    if parts:
        parts[-1] = _FILE.sub("", parts[-1])
    return host, parts


def _named(name: str, text: str) -> Reading | None:
    """What a name stands for; notes that speak of the name speak of the address instead."""
    found = read_hub(name) or read_name(name) or read_id(name)
    if found is None:
        return None
    return Reading(found.tree, tuple(note.replace(repr(name), repr(text)) for note in found.notes))


def _creative_commons(path: list[str], text: str) -> Reading | None:
    path = [part for part in path if not re.match(r"deed|legalcode|rdf|index", part)]
    if path[:1] == ["publicdomain"] and len(path) > 1:
        kinds = {"zero": "CC0", "mark": "CC-PDM"}
        kind = kinds.get(path[1])
        return _named(" ".join([kind, *path[2:3]]), text) if kind else None
    if path[:1] != ["licenses"] or len(path) < 2:
        return None
    if path[1] == "publicdomain":
        return Reading(One("CC-PDDC"))
    plain = _named(" ".join(["CC", *path[1:3]]), text)
    if len(path) < 4 or plain is None or plain.tree is None:
        return plain
    port = path[3].upper()
    ported = _named(f"CC {path[1]} {path[2]} {port}", text)
    if ported is not None:
        return ported
    note = (
        f"{text!r} is the port to {port}, which has no id in SPDX's list: the license of that "
        "kind and version without a port was assumed"
    )
    return Reading(plain.tree, (*plain.notes, note))


def _gnu(path: list[str], text: str) -> Reading | None:
    match = re.match(r"(agpl|lgpl|gpl|fdl)(?:-(\d+(?:\.\d+)?))?(?:-standalone)?$", path[-1])
    if match is None:
        return None
    family = "gfdl" if match[1] == "fdl" else match[1]
    return _named(f"{family} {match[2]}" if match[2] else family, text)


def _by_last(path: list[str], text: str) -> Reading | None:
    """Sites whose addresses end in an id, or in a name with dashes for blanks and dots."""
    last = re.sub(r"-(?:php|txt|html)$", "", path[-1]).removesuffix("-license")
    found = read_id(path[-1])
    if found is not None:
        return found
    return _named(re.sub(r"(?<=\d)[-_](?=\d)", ".", last), text)


def _apache(path: list[str], text: str) -> Reading | None:
    match = re.fullmatch(r"license(?:-(\d\.\d))?", path[-1])
    return _named(f"apache {match[1] or ''}".strip(), text) if match else None


def _open_data_commons(path: list[str], text: str) -> Reading | None:
    words = [part for part in path if part not in ("licenses", "summary")]
    names = {"by": "ODC-By", "odbl": "ODbL", "pddl": "PDDL"}
    name = names.get(words[0]) if words else None
    if name is None:
        return None
    return _named(" ".join([name, *(part.replace("-", ".") for part in words[1:2])]), text)


def _cdla(path: list[str], text: str) -> Reading | None:
    return _by_last([f"cdla-{path[-1].removeprefix('cdla-')}"], text)


def _mozilla(path: list[str], text: str) -> Reading | None:
    if "mpl" not in path:
        return None
    return _named(" ".join(path[path.index("mpl") :][:2]), text)


def _eclipse(path: list[str], text: str) -> Reading | None:
    match = re.fullmatch(r"epl-v?(\d)[.-]?(\d)", path[-1])
    return _named(f"EPL-{match[1]}.{match[2]}", text) if match else None


def _llama(path: list[str], text: str) -> Reading | None:
    for part in path:
        match = _LLAMA.match(part.replace("-3.", "-3_"))
        if match:
            minor = f".{match[2]}" if match[2] else ""
            return _named(f"llama{match[1]}{minor}", text)
    return _named("llama", text) if "llama" in path and path[-1] == "license" else None


def _hugging_face(path: list[str], text: str) -> Reading | None:
    return _llama(path[1:], text) if path[0] == "meta-llama" else None


def _open_government(path: list[str], text: str) -> Reading | None:
    if path[:2] != ["doc", "open-government-licence"]:
        return None
    number = path[3] if path[2:3] == ["version"] and len(path) > 3 else ""
    return _named(f"OGL-UK {number}".strip(), text)


def _data_germany(path: list[str], text: str) -> Reading | None:
    return _by_last(["-".join(path)], text) if path[0] == "dl-de" else None


_READERS: dict[str, Callable[[list[str], str], Reading | None]] = {
    "ai.meta.com": _llama,
    "apache.org": _apache,
    "cdla.dev": _cdla,
    "cdla.io": _cdla,
    "choosealicense.com": _by_last,
    "creativecommons.org": _creative_commons,
    "eclipse.org": _eclipse,
    "gnu.org": _gnu,
    "govdata.de": _data_germany,
    "huggingface.co": _hugging_face,
    "llama.com": _llama,
    "llama.meta.com": _llama,
    "mozilla.org": _mozilla,
    "nationalarchives.gov.uk": _open_government,
    "opendatacommons.org": _open_data_commons,
    "opensource.org": _by_last,
    "spdx.org": _by_last,
}
