"""Any Python text, in a column that holds only valid Unicode.

Surrogates have no UTF-8 form, so a text that has one is kept behind a mark, as the
hex digits of its UTF-8 in which each surrogate takes three bytes. JSON would not do:
it reads a pair of lone surrogates as one character. A text that happens to begin
with the mark itself is kept the same way.
"""

from origin.errors import InvalidRecordError

_MARK = "\x00utf8:"


def _not_a_text(value: object) -> str:
    advice = "; give its session_id" if hasattr(value, "session_id") else ""
    return f"ids and other texts must be a str, not a {type(value).__name__}{advice}"


def to_column(text: str) -> str:
    """The form of a text that SQLite can hold; equal texts have equal forms.

    Raises:
        InvalidRecordError: it is no str.

    >>> from_column(to_column("a\\ud800\\udc00")) == "a\\ud800\\udc00"
    True
    """
    if not isinstance(text, str):
        raise InvalidRecordError(_not_a_text(text))
    if not text.startswith(_MARK):
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    return _MARK + text.encode("utf-8", "surrogatepass").hex()


def from_column(text: str) -> str:
    """The text that ``to_column`` was given.

    >>> from_column("plain")
    'plain'
    """
    if text.startswith(_MARK):
        return bytes.fromhex(text.removeprefix(_MARK)).decode("utf-8", "surrogatepass")
    return text


def optional_to_column(text: str | None) -> str | None:
    """``to_column`` for a text that may be missing.

    >>> optional_to_column(None) is None
    True
    """
    return None if text is None else to_column(text)


def optional_from_column(text: str | None) -> str | None:
    """``from_column`` for a text that may be missing.

    >>> optional_from_column(None) is None
    True
    """
    return None if text is None else from_column(text)
