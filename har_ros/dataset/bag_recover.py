"""`har recover`: complete a bag whose recording was cut off, by a kill, a power cut or a full disk."""

from __future__ import annotations

import argparse
import fcntl
import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

import yaml
from rosbags.interfaces import ConnectionExtRosbag2
from rosbags.rosbag2 import Reader
from rosbags.rosbag2.metadata import dump_qos_v9

from har_ros.core.errors import HarError

BAG_VERSION: Final = 9
_METADATA_FILE = "metadata.yaml"
_STORAGES = {".mcap": "mcap", ".db3": "sqlite3"}
# An MCAP file is a magic word, records (opcode, length, content) and the magic word again; https://mcap.dev/spec
_MAGIC = b"\x89MCAP0\r\n"
_RECORD_HEAD = struct.Struct("<BQ")
_DATA_END = 0x0F
# The end of the data, then a footer that points to no index: readers go through the records one by one.
_ENDING = struct.pack("<BQI", _DATA_END, 4, 0) + struct.pack("<BQQQI", 0x02, 20, 0, 0, 0) + _MAGIC
_EXAMPLE = """example:
  har recover recordings/monday
A recording that was killed lacks its end. This adds it, in place, and drops a last message that was written in part.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("bag", type=Path, help="the bag's folder")


def run(args: argparse.Namespace) -> int:
    """Complete the bag and say what is in it. Raises HarError."""
    try:
        with claimed(args.bag):
            count = complete(args.bag)
    except OSError as error:
        raise HarError(f"can't complete '{args.bag}': {error.strerror or error}") from None
    print(f"{args.bag} is complete: {count} messages")
    return 0


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a bag's folder from being recorded to and completed at the same time. Raises HarError and OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise HarError(f"'{folder}' is being recorded; end the recording first") from None
    finally:
        os.close(descriptor)


def complete(folder: Path) -> int:
    """Make a bag whole, whatever ended its recording, and return how many messages it holds.

    Raises HarError for what is no bag, and OSError where the disk refuses.
    """
    count = _count(folder)
    if count is not None:
        return count
    file = _storage_file(folder)
    _repair(file)
    try:
        with Reader(file) as reader:
            metadata, count = _metadata(file, reader), reader.message_count
    except Exception as error:  # noqa: BLE001  a broken file makes the library raise anything
        raise HarError(f"'{file}' can't be completed, since it is damaged ({error}); record again") from None
    draft = folder / f"{_METADATA_FILE}.unfinished"
    draft.write_text(yaml.safe_dump(metadata, sort_keys=False), encoding="utf-8")
    draft.replace(folder / _METADATA_FILE)
    return count


def _count(bag: Path) -> int | None:
    """Return the number of messages in a whole bag or storage file; None where it can't be read."""
    try:
        with Reader(bag) as reader:
            return reader.message_count
    except Exception:  # noqa: BLE001  see above
        return None


def _storage_file(folder: Path) -> Path:
    files = [path for path in folder.iterdir() if path.suffix in _STORAGES]
    if len(files) != 1:
        raise HarError(f"'{folder}' holds {len(files)} .mcap or .db3 files, not one; give the folder of one recording")
    return files[0]


def _repair(file: Path) -> None:
    if file.suffix == ".db3":
        _roll_back(file)
    elif _count(file) is None:
        with file.open("r+b") as opened:
            opened.seek(_end_of_records(opened))
            opened.truncate()
            opened.write(_ENDING)


def _roll_back(file: Path) -> None:
    """Let SQLite undo the transaction that was cut off, as any read of a database does."""
    try:
        with closing(sqlite3.connect(file)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise HarError(f"'{file}' can't be completed ({error}); record again") from None


def _end_of_records(file: BinaryIO) -> int:
    """Return where the last whole record of an MCAP file's data ends."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(_MAGIC)) != _MAGIC:
        raise HarError(f"'{file.name}' is no MCAP file; nothing of it can be recovered")
    while True:
        end = file.tell()
        head = file.read(_RECORD_HEAD.size)
        if len(head) < _RECORD_HEAD.size:
            return end
        opcode, length = _RECORD_HEAD.unpack(head)
        if not 0 < opcode < _DATA_END or file.tell() + length > size:
            return end
        file.seek(length, os.SEEK_CUR)


def _metadata(file: Path, reader: Reader) -> dict[str, Any]:
    """Return what rosbag2 writes beside a bag's storage file."""
    span = {
        "starting_time": {"nanoseconds_since_epoch": reader.start_time},
        "duration": {"nanoseconds": max(reader.duration - 1, 0)},  # rosbags counts the last nanosecond in
        "message_count": reader.message_count,
    }
    topics = []
    for connection in reader.connections:
        assert isinstance(connection.ext, ConnectionExtRosbag2)
        topic = {
            "name": connection.topic,
            "type": connection.msgtype,
            "serialization_format": connection.ext.serialization_format,
            "offered_qos_profiles": dump_qos_v9(connection.ext.offered_qos_profiles),
            "type_description_hash": connection.digest,
        }
        topics.append({"topic_metadata": topic, "message_count": connection.msgcount})
    information = {
        "version": BAG_VERSION,
        "storage_identifier": _STORAGES[file.suffix],
        "relative_file_paths": [file.name],
        **span,
        "topics_with_message_count": topics,
        "compression_format": "",
        "compression_mode": "",
        "files": [{"path": file.name, **span}],
        "custom_data": None,
        "ros_distro": "rosbags",
    }
    return {"rosbag2_bagfile_information": information}
