"""What a session was given, put into a model card: its front matter and one marked section."""

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from origin.cards.facts import gather
from origin.cards.generator import card_of
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, OriginWarning, StorageError
from origin.export.files import replacing, target_of
from origin.export.frontmatter import FrontMatter
from origin.export.huggingface import metadata_of
from origin.export.required import required
from origin.export.texts import plain
from origin.storage.database import ProvenanceDatabase

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

_BEGIN, _END = "<!-- origin-provenance: begin", "<!-- origin-provenance: end -->"
_BEGIN_MARK = re.compile(
    rf"^{_BEGIN}((?: [a-z_]+=\S+)*) -->[ \t]*(?=\r?$)",
    re.MULTILINE,
)
_END_MARK = re.compile(rf"^{_END}[ \t]*(?=\r?$)", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_LICENSE = ("license", "license_name", "license_link")

# A card on the Hub is for reading; the whole lists are in the session's own card.
_MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class _Own:
    """What an earlier call wrote into the front matter, as the mark of its section says.

    Args:
        license: the names that tell of the license, with their values.
        datasets: the data sets that were added.
    """

    license: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()

    def mark(self) -> str:
        """The line that begins the section."""
        told = dict(self.license)
        if self.datasets:
            told["datasets"] = ",".join(self.datasets)
        return f"{_BEGIN}{''.join(f' {name}={text}' for name, text in told.items())} -->"

    @classmethod
    def of(cls, mark: str) -> "_Own":
        """What such a line says."""
        told = dict(one.split("=", 1) for one in mark.split())
        datasets = tuple(told.pop("datasets", "").split(",")) if "datasets" in told else ()
        return cls({name: told[name] for name in _LICENSE if name in told}, datasets)


def update_model_card(
    db: ProvenanceDatabase,
    card: "str | os.PathLike[str] | ModelCard",
    session_id: str | SessionRecord,
    *,
    replace_license: bool = False,
) -> "ModelCard":
    """Put a session into a model card; see ``ProvenanceExporter.update_model_card``."""
    own_class = required("huggingface_hub", "huggingface").ModelCard
    facts = gather(db, session_id)
    section = plain(card_of(facts, level=2, most=_MOST_ROWS))
    update = _Update(metadata_of(db, facts), section, replace_license)
    if isinstance(card, own_class):
        card.content = update.of(card.content, "the card")
        return card
    path, before = _text_of(card)
    after = update.of(before, str(path))
    try:
        made = own_class(after.removeprefix("\ufeff"))
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{path} is no model card that the Hub can read: {error}"
        ) from None
    if after != before:
        with replacing(path) as file:
            file.write(after.encode())
    return made


@dataclass(frozen=True, slots=True)
class _Update:
    """What is to be put into a card.

    Args:
        told: what ``to_huggingface`` tells.
        section: the section, as Markdown.
        replace_license: whether to replace a license that somebody else wrote.
    """

    told: Mapping[str, Any]
    section: str
    replace_license: bool

    def of(self, text: str, name: str) -> str:
        """The text of a card with the section and the front matter in it.

        Raises:
            ConfigurationError: it cannot be changed without losing what is in it.
        """
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        text = text.removeprefix(mark)
        line = "\r\n" if "\r\n" in text else "\n"
        try:
            if "\r" in text and "\n" not in text:
                raise ConfigurationError("its lines must end in LF or CRLF, not in CR alone")
            before, own, after = _parted(text, line)
            front = FrontMatter(before)
            own = self._change(front, own, name)
        except ConfigurationError as error:
            raise ConfigurationError(f"{name} stays as it is: {error}") from None
        section = f"{own.mark()}\n{self.section}{_END}"
        return f"{mark}{front}{section.replace(chr(10), line)}{after}"

    def _change(self, front: FrontMatter, own: _Own, name: str) -> _Own:
        datasets = tuple(self.told["datasets"])
        front.discard("datasets", [one for one in own.datasets if one not in datasets])
        there = front.listed("datasets")
        front.add("datasets", datasets)
        # What somebody else wrote before is never ours to take out.
        added = tuple(one for one in datasets if one in own.datasets or one not in there)
        return _Own(self._change_license(front, own, name), added)

    def _change_license(self, front: FrontMatter, own: _Own, name: str) -> dict[str, str]:
        there = {key: told for key in _LICENSE if (told := front.values.get(key))}
        ours: dict[str, str] = {key: self.told[key] for key in _LICENSE if key in self.told}
        if there and there != own.license and not self.replace_license:
            if there.get("license") != ours["license"]:
                warnings.warn(
                    f"{name} keeps its license {_named(there)}, though that of the data is "
                    f"{_named(ours)}; replace_license=True writes the latter",
                    OriginWarning,
                    stacklevel=6,
                )
            return {}
        for key in _LICENSE:
            if key in ours:
                front.set(key, ours[key])
            else:
                front.remove(key)
        return ours


def _named(license_: Mapping[str, Any]) -> str:
    told = repr(license_.get("license"))
    return f"{told} ({license_['license_name']})" if "license_name" in license_ else told


def _parted(text: str, line: str) -> tuple[str, _Own, str]:
    """What stands before and after the section, and what its mark says."""
    begins, ends = _marks(_BEGIN_MARK, text), _marks(_END_MARK, text)
    if not begins and not ends:
        is_ended = not text or text.endswith(("\n", "\r"))
        gap = "" if text.endswith(2 * line) else line if is_ended else 2 * line
        return text + gap, _Own(), line
    if len(begins) != 1 or len(ends) != 1 or ends[0].start() < begins[0].end():
        places = [text.count("\n", 0, one.start()) + 1 for one in (*begins, *ends)]
        raise ConfigurationError(
            f"the section of Origin must have one line that begins it and one that ends it; there "
            f"are marks in the lines {', '.join(map(str, sorted(places)))}"
        )
    found = begins[0]
    return text[: found.start()], _Own.of(found[1]), text[ends[0].end() :]


def _marks(mark: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """The marks in a text, but for those that it shows as code."""
    return [
        found
        for found in mark.finditer(text)
        if len(_FENCE.findall(text, 0, found.start())) % 2 == 0
    ]


def _text_of(card: object) -> tuple[Path, str]:
    """The path of a card, and its text; an empty one if it is not there."""
    if not isinstance(card, str | os.PathLike) or not os.fspath(card):
        raise ConfigurationError(
            f"a card is given as its path or as a huggingface_hub.ModelCard, not {card!r}"
        )
    path = target_of(os.fspath(card))
    try:
        return path, path.read_bytes().decode()
    except FileNotFoundError:
        return path, ""
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no card: it is not in UTF-8 ({error})") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
