"""Zip archives that would unpack to far more than they hold are refused before anything is unpacked."""

from __future__ import annotations

import zipfile

from ssmsym.errors import FileFormatError

LARGEST_TOTAL = 8 * 2**30  # bytes that one file may unpack to
HARMLESS = 64 * 2**20  # bytes up to which a file may compress as well as it likes
LARGEST_RATIO = 200  # trained weights hardly compress; zeros do, a thousandfold
_MOST_ENTRIES = 100_000
_LOCAL_HEADER = 30  # bytes before the name of an entry


def allowance(stored: int) -> int:
    """Bytes that a file of `stored` bytes may unpack to."""
    return min(LARGEST_TOTAL, HARMLESS + LARGEST_RATIO * stored)


def check_entries(archive: zipfile.ZipFile) -> None:
    """Refuse an archive by what its directory declares.

    Raises
    ------
    FileFormatError
        If two entries share a name or bytes, an entry lies outside the file, is encrypted or packed in an unusual
        way, or the entries declare sizes that only an archive made to fill the memory declares. The message is
        the reason alone, without the file's name.
    """
    entries = archive.infolist()
    if len(entries) > _MOST_ENTRIES:
        raise FileFormatError(f"it has {len(entries)} entries; at most {_MOST_ENTRIES} are read")
    _check_names(entries)
    for entry in entries:
        _check_packing(entry)
    _check_places(entries, archive.start_dir)
    _check_sizes(entries)


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.filename in seen:
            raise FileFormatError(f"it holds two entries '{entry.filename[:80]}'")
        seen.add(entry.filename)


def _check_packing(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & 0x1:
        raise FileFormatError(f"its entry '{entry.filename[:80]}' is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileFormatError(f"its entry '{entry.filename[:80]}' is packed in a way that is not read")
    if entry.compress_type == zipfile.ZIP_STORED and entry.file_size != entry.compress_size:
        raise FileFormatError(f"its entry '{entry.filename[:80]}' declares a size that it does not have")


def _check_places(entries: list[zipfile.ZipInfo], end: int) -> None:
    """Each entry lies before the next: otherwise the same few bytes could be unpacked many times."""
    ordered = sorted(entries, key=lambda entry: entry.header_offset)
    starts = [entry.header_offset for entry in ordered[1:]] + [end]
    for entry, following in zip(ordered, starts, strict=True):
        name = len(entry.orig_filename.encode("utf-8", "replace")) if entry.flag_bits & 0x800 else 0
        if (
            entry.header_offset < 0
            or entry.header_offset + _LOCAL_HEADER + name + entry.compress_size > following
        ):
            raise FileFormatError(
                f"its entry '{entry.filename[:80]}' overlaps another, or the end of the file"
            )


def _check_sizes(entries: list[zipfile.ZipInfo]) -> None:
    total = sum(entry.file_size for entry in entries)
    if total > LARGEST_TOTAL:
        raise FileFormatError(f"it declares {total} bytes of contents; at most {LARGEST_TOTAL} are read")
    packed = [e.file_size for e in entries if e.file_size > LARGEST_RATIO * e.compress_size]
    if sum(packed) > HARMLESS:
        raise FileFormatError(
            f"it would unpack more than {LARGEST_RATIO}-fold to {sum(packed)} bytes, as no weights do"
        )
