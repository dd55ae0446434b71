"""Bundles as files: zips of which there is one layout only.

The specification is the chapter "The bundle" of ``docs/proof.md``. Nothing here knows what the
members are. All of a file is looked at, so that nothing can hide between members.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import pack, unpack_from
from types import TracebackType
from typing import BinaryIO

from origin.errors import ProofError

__all__ = ["PART", "Archive", "Member", "directory_of", "is_archive", "is_large", "local_header"]

# So many bytes are read, or inflated, at once.
PART = 1 << 20

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LARGE_END, _LOCATOR = b"PK\x06\x06", b"PK\x06\x07"
_DEFLATED = 8
# 1980-01-01, the first day that a zip can tell.
_TIME, _DATE = 0, 0x21
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_PLAIN_VERSION, _LARGE_VERSION = 20, 45
_FULL2, _FULL4 = 0xFFFF, 0xFFFFFFFF
_HEADER_BYTES, _LARGE_EXTRA_BYTES = 30, 20

# Of so many bytes all members together need the larger fields of a zip.
_LARGE_FROM = 1 << 31
# More names than sessions have streams; they would only take memory.
_MOST_MEMBERS = 1 << 17
_MOST_NAME = 64

_NAME = re.compile(rb"[a-z]+(/[0-9]+)?(\.[a-z]+)+\Z")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an archive, as its header says it.

    Args:
        name: in ASCII.
        crc: CRC-32 of its content.
        packed: how many bytes it takes, deflated.
        size: how many bytes its content has.
        offset: of its header in the file.
        data: of its deflated bytes in the file.
    """

    name: str
    crc: int
    packed: int
    size: int
    offset: int = 0
    data: int = 0


def is_archive(beginning: bytes) -> bool:
    """Whether a file that begins so is a zip.

    >>> is_archive(b"PK\\x03\\x04..."), is_archive(b"origin.proof/")
    (True, False)
    """
    return beginning[:4] in (_LOCAL, _END)


def is_large(size: int, count: int) -> bool:
    """Whether an archive has the larger fields of a zip.

    Args:
        size: how many bytes all members have together.
        count: how many there are.
    """
    return size >= _LARGE_FROM or count >= _FULL2


def local_header(member: Member, large: bool) -> bytes:
    """What stands before the deflated bytes of a member.

    Args:
        member: the member; where it stands does not matter.
        large: as ``is_large`` has it.

    >>> local_header(Member("a.md", 0, 2, 0), False)[26:]
    b'\\x04\\x00\\x00\\x00a.md'
    """
    name = member.name.encode("ascii")
    extra = pack("<HHQQ", 1, 16, member.size, member.packed) if large else b""
    packed, size = (_FULL4, _FULL4) if large else (member.packed, member.size)
    version = _LARGE_VERSION if large else _PLAIN_VERSION
    head = pack("<4s5H", _LOCAL, version, 0, _DEFLATED, _TIME, _DATE)
    return head + pack("<3I2H", member.crc, packed, size, len(name), len(extra)) + name + extra


def directory_of(members: Sequence[Member], large: bool) -> bytes:
    """What stands behind the last member: a list of all, and the end of the file.

    Args:
        members: in order, with their offsets.
        large: as ``is_large`` has it.
    """
    listed = b"".join(_listed(one, large) for one in members)
    last = members[-1]
    begin = last.offset + len(local_header(last, large)) + last.packed
    count, size = len(members), len(listed)
    if not large:
        return listed + pack("<4s4H2IH", _END, 0, 0, count, count, size, begin, 0)
    version = _LARGE_VERSION
    end = pack("<4sQ2H2I", _LARGE_END, 44, _UNIX | version, version, 0, 0)
    end += pack("<4Q", count, count, size, begin)
    end += pack("<4sIQI", _LOCATOR, 0, begin + size, 1)
    end += pack("<4s4H2IH", _END, 0, 0, _FULL2, _FULL2, _FULL4, _FULL4, 0)
    return listed + end


def _listed(member: Member, large: bool) -> bytes:
    name = member.name.encode("ascii")
    version, extra = _PLAIN_VERSION, b""
    packed, size, offset = member.packed, member.size, member.offset
    if large:
        extra = pack("<HH3Q", 1, 24, size, packed, offset)
        version, packed, size, offset = _LARGE_VERSION, _FULL4, _FULL4, _FULL4
    head = pack("<4s6H", _CENTRAL, _UNIX | version, version, 0, _DEFLATED, _TIME, _DATE)
    sizes = pack("<3I5H2I", member.crc, packed, size, len(name), len(extra), 0, 0, 0, _MODE, offset)
    return head + sizes + name + extra


class Archive:
    """A bundle's file, open for reading. It is a context manager.

    Args:
        path: of the file.

    Raises:
        ProofError: it cannot be read, or is no zip in the one layout that a bundle has.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = path
        try:
            self._file: BinaryIO = open(path, "rb")  # noqa: SIM115  closed by __exit__
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from None
        try:
            self.members = {one.name: one for one in self._scan()}
        except OSError as error:
            self._file.close()
            raise self._unreadable(error) from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def parts(self, name: str) -> Iterator[bytes]:
        """The content of a member, part by part; several may be read at the same time.

        Args:
            name: of the member.

        Raises:
            ProofError: its bytes are damaged, or it has another size than it says.
        """
        member = self.members[name]
        inflate, crc, left, size = zlib.decompressobj(-15), 0, member.packed, 0
        while not inflate.eof:
            told = inflate.unconsumed_tail
            if not told:
                told = self._read(member.data + member.packed - left, min(left, PART))
                left -= len(told)
            try:
                # One byte more than it may have shows that it has too many.
                part = inflate.decompress(told, min(PART, member.size - size + 1))
            except zlib.error:
                raise _damaged(name) from None
            crc, size = zlib.crc32(part, crc), size + len(part)
            if size > member.size or not (told or part or inflate.eof):
                raise _damaged(name)
            if part:
                yield part
        if left or inflate.unused_data or (size, crc) != (member.size, member.crc):
            raise _damaged(name)

    def content(self, name: str, most: int) -> bytes:
        """The whole content of a member.

        Args:
            name: of the member.
            most: so many bytes it may have.

        Raises:
            ProofError: it has more, or is damaged.
        """
        if self.members[name].size > most:
            raise ProofError(f"{name} has more than {most >> 20} MiB")
        return b"".join(self.parts(name))

    def _read(self, offset: int, count: int) -> bytes:
        try:
            self._file.seek(offset)
            return self._file.read(count)
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> ProofError:
        return ProofError(f"cannot read {os.fspath(self._path)!r}: {error}")

    def _scan(self) -> list[Member]:
        members: list[Member] = []
        end = self._file.seek(0, os.SEEK_END)
        offset, large = 0, False
        while (head := self._read(offset, _HEADER_BYTES + _MOST_NAME + _LARGE_EXTRA_BYTES))[
            :4
        ] == _LOCAL:
            member, is_large_one = _member_of(head, offset)
            large = is_large_one if not members else large
            if is_large_one != large or not _follows(members, member):
                raise _no_bundle("its members are not in the one order and form they have")
            members.append(member)
            offset = member.data + member.packed
            if offset > end:
                raise _no_bundle("it is cut off")
            if len(members) > _MOST_MEMBERS:
                raise _no_bundle("it has too many members")
            if not large and (offset > _FULL4 or len(members) >= _FULL2):
                raise _no_bundle("it needs the larger fields of a zip, and does not have them")
        if not members:
            raise _no_bundle("it has no members")
        directory = directory_of(members, large)
        if end - offset != len(directory) or self._read(offset, len(directory)) != directory:
            raise _no_bundle("its directory does not list its members as it must")
        return members


def _member_of(head: bytes, offset: int) -> tuple[Member, bool]:
    if len(head) < _HEADER_BYTES:
        raise _no_bundle("it is cut off")
    version = unpack_from("<H", head, 4)[0]
    crc, packed, size, name_bytes = unpack_from("<3IH", head, 14)
    large = version == _LARGE_VERSION
    told = head[_HEADER_BYTES : _HEADER_BYTES + name_bytes]
    if len(told) > _MOST_NAME or not _NAME.match(told):
        raise _no_bundle(f"{told[:_MOST_NAME]!r} is no name that a member has")
    if large:
        if len(head) < _HEADER_BYTES + name_bytes + _LARGE_EXTRA_BYTES:
            raise _no_bundle("it is cut off")
        size, packed = unpack_from("<2Q", head, _HEADER_BYTES + name_bytes + 4)
    member = Member(told.decode("ascii"), crc, packed, size)
    wanted = local_header(member, large)
    # Flags for encryption, other methods and other times are all seen here.
    if head[: len(wanted)] != wanted:
        raise _no_bundle(
            f"the header of {member.name} is not in its one form: deflated, 1980-01-01"
        )
    return Member(member.name, crc, packed, size, offset, offset + len(wanted)), large


def _follows(before: Sequence[Member], member: Member) -> bool:
    """Whether a member may stand behind others: the first lists them, and those are sorted."""
    if not before:
        return True
    is_sorted = len(before) == 1 or before[-1].name < member.name
    return is_sorted and member.name != before[0].name


def _no_bundle(why: str) -> ProofError:
    return ProofError(f"this is no bundle: {why}")


def _damaged(name: str) -> ProofError:
    return ProofError(f"{name} in the bundle is damaged")
