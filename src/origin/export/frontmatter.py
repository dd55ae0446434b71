"""Changes to the YAML at the beginning of a card that leave every other character as it is.

A YAML library that writes the whole again loses comments, quotes and the order. So the text is
parsed only to find where values stand, and these alone are written.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from origin.errors import ConfigurationError

# As the Hub finds it; besides, one that has no line at all.
_BLOCK = re.compile(r"^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$))")
_EMPTY = re.compile(r"^\s*---[ \t]*(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")
# What looks like one and is none.
_UNREAD = re.compile(r"^\s*---[ \t]+(?:\r\n|\r|\n)[\S\s]*?(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|$)")


class FrontMatter:
    """The YAML at the beginning of a text.

    Args:
        text: a card; it may have none.

    Raises:
        ConfigurationError: what stands there is no YAML, no mapping in block style, or written in a
            way that cannot be changed in place.

    >>> front = FrontMatter("---\\nlicense: mit # ours\\n---\\n# A model")
    >>> front.set("license", "isc")
    >>> front.add("datasets", ["imdb"])
    >>> print(front)
    ---
    license: isc # ours
    datasets:
    - imdb
    ---
    # A model
    """

    def __init__(self, text: str) -> None:
        self._line = "\r\n" if "\r\n" in text else "\n"
        found = _BLOCK.match(text)
        if found is not None:
            self._open, self._yaml, self._close = found[1], found[2], found[3]
            self._rest = text[found.end() :]
        else:
            if _UNREAD.match(text):
                raise ConfigurationError(
                    "the Hub does not read its front matter: the line that begins it must be '---' "
                    "and nothing else"
                )
            empty = _EMPTY.match(text)
            self._open, self._yaml = f"---{self._line}", ""
            self._close = f"{self._line}---{self._line}"
            self._rest = text[empty.end() :] if empty else text
        self._read()

    @property
    def values(self) -> dict[Any, Any]:
        """What it says, as Python's values."""
        return dict(self._values)

    def listed(self, name: str) -> list[Any]:
        """What stands under a name, as a list."""
        told = self._values.get(name)
        if told is None:
            return []
        return list(told) if isinstance(told, list) else [told]

    def __str__(self) -> str:
        if not self._yaml:
            return self._rest
        return f"{self._open}{self._yaml}{self._close}{self._rest}"

    def set(self, name: str, value: str) -> None:
        """Give a name this text."""
        if self._values.get(name) == value:
            return
        if name not in self._nodes:
            self._append(_entry(name, value))
            return
        self._write([(*self._place(name), _entry(name, value))], name, value)

    def remove(self, name: str) -> None:
        """Take a name out, with its line."""
        if name in self._nodes:
            self._write([self._lines(*self._place(name))], name, None)

    def add(self, name: str, values: Iterable[str]) -> None:
        """Add texts to the list that stands under a name."""
        have = self.listed(name)
        new = [one for one in dict.fromkeys(values) if one not in have]
        if not new:
            return
        if name not in self._nodes:
            self._append(self._line.join([f"{name}:", *(f"- {_scalar(one)}" for one in new)]))
            return
        begin, end = self._place(name)
        node = self._nodes[name][1]
        if _is_block_list(node):
            end = self._end_of_line(end)
            indent = " " * node.start_mark.column
            lines = "".join(f"{self._line}{indent}- {_scalar(one)}" for one in new)
            self._write([(end, end, lines)], name, [*have, *new])
        elif node.id == "sequence" and node.value:
            # Behind the last one, so that what stands between the brackets stays.
            after = self._end(node.value[-1])
            more = "".join(f", {_flow_scalar(one)}" for one in new)
            self._write([(after, after, more)], name, [*have, *new])
        else:
            self._write([(begin, end, _list(name, [*have, *new]))], name, [*have, *new])

    def discard(self, name: str, values: Iterable[str]) -> None:
        """Take texts out of the list that stands under a name."""
        have, out = self.listed(name), list(values)
        left = [one for one in have if one not in out]
        if len(left) == len(have):
            return
        place, node = self._place(name), self._nodes[name][1]
        if not left:
            self.remove(name)
        elif _is_block_list(node):
            gone = [one for one in node.value if one.id == "scalar" and one.value in out]
            lines = [self._lines(self._dash_before(one), self._end(one)) for one in reversed(gone)]
            self._write(lines, name, left)
        elif node.id == "sequence":
            self._write(self._without(node.value, out), name, left)
        else:
            self._write([(*place, _list(name, left))], name, left)

    # -- within ------------------------------------------------------------------------

    def _read(self) -> None:
        import yaml

        try:
            loader = _loader()(self._yaml)
            node = loader.get_single_node()
            values = None if node is None else loader.construct_document(node)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise ConfigurationError(f"its front matter is no YAML: {error}") from None
        if node is not None and (not isinstance(values, dict) or (values and node.flow_style)):
            raise ConfigurationError("its front matter is no mapping with a name on each line")
        self._nodes: dict[str, tuple[Any, Any]] = {}
        for key, value in node.value if node is not None else ():
            if isinstance(key.value, str):
                if key.value in self._nodes:
                    raise ConfigurationError(f"its front matter has {key.value!r} twice")
                self._nodes[key.value] = (key, value)
        self._values: Mapping[Any, Any] = values or {}

    def _place(self, name: str) -> tuple[int, int]:
        """Where an entry begins and ends."""
        key, node = self._nodes[name]
        if node.start_mark.index < key.end_mark.index:
            raise _unchangeable(name)  # an alias of what stands before
        return key.start_mark.index, self._end(node)

    def _end(self, node: Any) -> int:
        """Where a value ends; the library counts what follows a block to it, comments and all."""
        if isinstance(node.value, str) or node.flow_style or not node.value:
            return len(self._yaml[: node.end_mark.index].rstrip())
        last = node.value[-1]
        return self._end(last[1] if isinstance(last, tuple) else last)

    def _without(self, items: list[Any], out: list[str]) -> list[tuple[int, int, str]]:
        """What takes items out of a list between brackets, each with the comma beside it."""
        edits: list[tuple[int, int, str]] = []
        kept = [at for at, one in enumerate(items) if one.id != "scalar" or one.value not in out]
        for at in reversed(range(len(items))):
            if at in kept:
                continue
            if at < kept[-1]:
                edits.append((items[at].start_mark.index, items[at + 1].start_mark.index, ""))
            else:
                edits.append((self._end(items[at - 1]), self._end(items[at]), ""))
        return edits

    def _write(self, edits: Iterable[tuple[int, int, str]], name: str, value: Any) -> None:
        """Replace parts of the YAML, the last first; nothing but a name must have changed."""
        wanted = {**self._values, name: value}
        for begin, end, text in edits:
            self._yaml = self._yaml[:begin] + text + self._yaml[end:]
        self._read()
        # By what they look like, for not every number equals itself.
        if repr({name: None, **self._values}) != repr({name: None, **wanted}):
            raise _unchangeable(name)

    def _append(self, entry: str) -> None:
        has_lines = self._yaml and self._yaml.strip() != "{}"
        self._yaml = f"{self._yaml}{self._line}{entry}" if has_lines else entry
        self._read()

    def _lines(self, begin: int, end: int) -> tuple[int, int, str]:
        """The whole lines from one place to another, to be taken out."""
        begin = max(self._yaml.rfind("\n", 0, begin), self._yaml.rfind("\r", 0, begin)) + 1
        end = self._end_of_line(end)
        if end < len(self._yaml):
            end += 2 if self._yaml.startswith("\r\n", end) else 1
        elif begin:
            begin -= 2 if self._yaml.endswith("\r\n", 0, begin) else 1
        return begin, end, ""

    def _dash_before(self, node: Any) -> int:
        return self._yaml.rindex("-", 0, node.start_mark.index)

    def _end_of_line(self, index: int) -> int:
        found = re.compile(r"[\r\n]|$").search(self._yaml, index)
        return len(self._yaml) if found is None else found.start()


def _loader() -> Any:
    """What reads YAML: a card with many results in it takes seconds without the compiled one."""
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _entry(name: str, value: str) -> str:
    return f"{name}: {_scalar(value)}"


def _scalar(text: str) -> str:
    """A text as YAML on one line."""
    import yaml

    told: str = yaml.safe_dump(text, width=float("inf"))
    return told.removesuffix("...\n").strip()


def _list(name: str, values: list[Any]) -> str:
    """A whole list as an entry on one line."""
    import yaml

    told: str = yaml.safe_dump(
        values, default_flow_style=True, width=float("inf"), allow_unicode=True
    )
    return f"{name}: {told.strip()}"


def _flow_scalar(text: str) -> str:
    """A text as YAML between brackets."""
    import yaml

    told: str = yaml.safe_dump([text], default_flow_style=True, width=float("inf"))
    return told.strip()[1:-1]


def _is_block_list(node: Any) -> bool:
    return node.id == "sequence" and not node.flow_style


def _unchangeable(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name!r} in its front matter is written in a way that cannot be changed in place; write "
        "it as 'name: value'"
    )
