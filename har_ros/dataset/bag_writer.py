"""A bag on the disk, of which a kill or a full disk takes no more than the last second."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import ExitStack, suppress
from pathlib import Path

from rosbags.interfaces import Connection, Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.rosbag2.storage_mcap import McapWriter
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer
from rosbags.typesys import Stores, get_typestore

from har_ros.core.errors import HarError
from har_ros.dataset.bag_recover import BAG_VERSION, claimed, complete

STORAGES = ("mcap", "sqlite3")
_DISK_ERRORS = (OSError, sqlite3.Error)
_ANY_TIME = QosTime(0, 0)


def bag_qos(
    depth: int,
    reliability: QosReliability = QosReliability.RELIABLE,
    durability: QosDurability = QosDurability.VOLATILE,
) -> Qos:
    """Return how a topic was offered, as a bag notes it."""
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=depth,
        reliability=reliability,
        durability=durability,
        deadline=_ANY_TIME,
        lifespan=_ANY_TIME,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_ANY_TIME,
        avoid_ros_namespace_conventions=False,
    )


class BagWriter:
    """Writes messages, with the time of their arrival, into a new bag.

    types:   the messages that can be made and serialised for it.
    failure: why the disk took no more, else empty; then nothing more is written, and `close` completes what is there.
    """

    def __init__(self, folder: Path, storage: str) -> None:
        """Make the bag. Raises HarError."""
        if folder.exists():
            raise HarError(f"'{folder}' exists already; give a new folder, since a recording never replaces another")
        if storage == "sqlite3" and set("?#%") & set(str(folder)):  # rosbags takes the path for a URI
            raise HarError(f"'{folder}' has a ?, # or %; name an sqlite3 bag without, or record to mcap")
        self.failure = ""
        self._folder = folder
        self._last_ns = 0
        self.types = get_typestore(
            getattr(Stores, f"ROS2_{os.environ.get('ROS_DISTRO', '').upper()}", Stores.ROS2_JAZZY)
        )
        self._writer = Writer(folder, version=BAG_VERSION, storage_plugin=StoragePlugin[storage.upper()])
        self._claim = ExitStack()
        try:
            self._writer.open()
            self._claim.enter_context(claimed(folder))
        except _DISK_ERRORS as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise HarError(f"can't make '{folder}' ({_reason(error)}); give another folder") from None

    def add(self, topic: str, msgtype: str, offered: Qos) -> Connection | None:
        """Make room for a topic; None where the disk is full. Raises TypesysError for a type that is not known."""
        try:
            return self._writer.add_connection(topic, msgtype, typestore=self.types, offered_qos_profiles=[offered])
        except _DISK_ERRORS as error:
            self.failure = _reason(error)
            return None

    def write(self, connection: Connection, data: bytes, arrived_ns: int) -> bool:
        """Write a message's bytes; returns whether it was possible."""
        if self.failure:
            return False
        self._last_ns = max(self._last_ns, arrived_ns)  # a bag without index is read in order, or not at all
        try:
            self._writer.write(connection, self._last_ns, data)
        except _DISK_ERRORS as error:
            self.failure = _reason(error)
        return not self.failure

    def secure(self) -> None:
        """Put what was written onto the disk, where a kill or a power cut leaves it."""
        if self.failure:
            return
        storage = self._writer.storage
        try:
            if isinstance(storage, McapWriter):
                if storage.chunk.msgs:
                    storage.close_chunk()
                storage.bio.flush()
                os.fsync(storage.bio.fileno())
            elif isinstance(storage, Sqlite3Writer):
                storage.conn.commit()
        except _DISK_ERRORS as error:
            self.failure = _reason(error)

    def close(self) -> int:
        """Complete the bag and return how many messages it holds.

        Raises HarError where the disk has no room for the last few bytes.
        """
        with self._claim:
            if not self.failure:
                try:
                    self._writer.close()
                    return sum(self._writer.counts.values())
                except _DISK_ERRORS as error:
                    self.failure = _reason(error)
            with suppress(*_DISK_ERRORS):  # it tries to write again
                self._writer.abort()
            return self._complete() if self._last_ns else 0

    def _complete(self) -> int:
        try:
            return complete(self._folder)
        except (HarError, OSError):
            remedy = f"free space, then complete the bag with: har recover '{self._folder}'"
            raise HarError(f"recording ended: {self.failure}; {remedy}") from None

    def discard(self) -> None:
        """Remove the closed bag."""
        shutil.rmtree(self._folder)


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
