"""What a session was given, put into a model card: its front matter and one marked section."""

import os
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from origin.cards.facts import gather
from origin.cards.generator import card_of
from origin.core.record import SessionRecord
from origin.errors import ConfigurationError, OriginWarning, StorageError
from origin.export.files import replacing
from origin.export.frontmatter import FrontMatter
from origin.export.huggingface import metadata_of
from origin.export.required import required
from origin.export.texts import plain
from origin.storage.database import ProvenanceDatabase

if TYPE_CHECKING:
    from huggingface_hub import ModelCard

_BEGIN, _END = "<!-- origin-provenance: begin", "<!-- origin-provenance: end -->"
_MARK = re.compile(
    rf"^{_BEGIN}(?: license=(?P<license>\S+))?(?: datasets=(?P<datasets>\S+))? -->[ \t]*(?=\r?$)",
    re.MULTILINE,
)
_END_MARK = re.compile(rf"^{_END}[ \t]*(?=\r?$)", re.MULTILINE)
_LICENSE = ("license", "license_name", "license_link")

# A card on the Hub is for reading; the whole lists are in the session's own card.
_MOST_ROWS = 50


@dataclass(frozen=True, slots=True)
class _Own:
    """What an earlier call wrote into the front matter, as the mark of its section says."""

    license: str | None = None
    datasets: tuple[str, ...] = ()

    def mark(self) -> str:
        license_id = f" license={self.license}" if self.license else ""
        datasets = f" datasets={','.join(self.datasets)}" if self.datasets else ""
        return f"{_BEGIN}{license_id}{datasets} -->"


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
    path = _path_of(card)
    before = _read(path)
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
        front.add("datasets", datasets)
        wrote = self._change_license(front, own, name)
        return _Own(wrote, datasets)

    def _change_license(self, front: FrontMatter, own: _Own, name: str) -> str | None:
        there, ours = front.values.get("license"), self.told["license"]
        if there not in (None, "", own.license) and not self.replace_license:
            if there != ours:
                warnings.warn(
                    f"{name} keeps its license {there!r}, though that of the data is {ours!r}; "
                    "replace_license=True writes the latter",
                    OriginWarning,
                    stacklevel=6,
                )
            return None
        for key in _LICENSE:
            if key in self.told:
                front.set(key, self.told[key])
            else:
                front.remove(key)
        return str(ours)


def _parted(text: str, line: str) -> tuple[str, _Own, str]:
    """What stands before and after the section, and what its mark says."""
    begins = list(_MARK.finditer(text))
    ends = list(_END_MARK.finditer(text))
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
    datasets = tuple((found["datasets"] or "").split(",")) if found["datasets"] else ()
    return text[: found.start()], _Own(found["license"], datasets), text[ends[0].end() :]


def _path_of(card: object) -> Path:
    if not isinstance(card, str | os.PathLike) or not os.fspath(card):
        raise ConfigurationError(
            f"a card is given as its path or as a huggingface_hub.ModelCard, not {card!r}"
        )
    path = Path(os.fspath(card))
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder; name the file, such as {path / 'README.md'}")
    return path


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no card: it is not in UTF-8 ({error})") from None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error
