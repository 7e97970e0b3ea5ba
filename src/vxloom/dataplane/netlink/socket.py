"""The route netlink socket of the network namespace it was made in: batches of writes, dumps, keyed reads.

rtnetlink works synchronously: when ``send`` returns, every message of it was carried out or refused and its answer lies in
the receive queue. So answers are read without waiting: nothing here can hang. A refused message always gets an answer;
the others only at a chunk's end, which is what makes a batch cheap. Chunks are small enough that even if every message is
refused the answers fit the receive buffer; if the kernel drops one nevertheless (ENOBUFS), that chunk is sent again in
small steps with one answer per message. The repeat of a create or delete that had worked says EEXIST or ENOENT.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self

import numpy as np

from vxloom.dataplane.netlink.constants import (
    NETLINK_CAP_ACK,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
    NLM_F_ACK,
    NLM_F_ACK_TLVS,
    NLM_F_DUMP_INTR,
    NLM_F_MULTI,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_NEWLINKPROP,
    SO_RCVBUFFORCE,
    SO_SNDBUFFORCE,
    SOL_NETLINK,
)
from vxloom.dataplane.netlink.wire import HEADER, Batch, Failure, done_error, error_of, messages
from vxloom.errors import DataplaneError

ACK_COST: Final = 2048
"""Bytes of receive buffer one answer may take, upper bound: struct sk_buff, its data with headroom, and the kernel's words."""
REPLY_COST: Final = 16384
"""The same for a keyed read's answer: the kernel allocates NLMSG_GOODSIZE for a neighbour, more for a link."""
DUMP_BLOCK: Final = 1 << 20
"""What is decoded at a time: rows in and out fit a processor's second-level cache."""
KEPT_BLOCKS: Final = 32
DUMP_STEP: Final = 65536
"""The kernel fills at most 32 KiB per read of a dump (netlink_recvmsg caps max_recvmsg_len)."""
DONE_REACH: Final = 1024
"""NLMSG_DONE is 20 bytes, with words at most 80 more (NETLINK_MAX_FMTMSG_LEN) and a few attributes."""
DUMP_TRIES: Final = 8
RETRYABLE: Final = frozenset({errno.EINTR, errno.EAGAIN, errno.EBUSY, errno.ENOBUFS, errno.ENOMEM})


def dataplane_error(error: OSError, operation: str) -> DataplaneError:
    """Translate a foreign error; the only place where that happens."""
    code = error.errno or errno.EIO
    return DataplaneError("netlink socket", operation, code, error.strerror or str(error), retryable=code in RETRYABLE)


def open_socket(receive_buffer: int, send_buffer: int) -> socket.socket:
    """Return a bound route netlink socket with the answers we want: short, in words, and strict about dump filters.

    Raises:
        OSError: the kernel lacks netlink, an option of it, or file descriptors ran out.
    """
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    try:
        for force, plain, size in (
            (SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_buffer),
            (SO_SNDBUFFORCE, socket.SO_SNDBUF, send_buffer),
        ):
            try:
                made.setsockopt(socket.SOL_SOCKET, force, size)
            except PermissionError:  # CAP_NET_ADMIN of the first user namespace is missing: net.core.*mem_max rules
                made.setsockopt(socket.SOL_SOCKET, plain, size)
        for option in (NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK):
            made.setsockopt(SOL_NETLINK, option, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 10, 0))  # no wait is expected; none may be endless
        made.bind((0, 0))
    except BaseException:
        made.close()
        raise
    return made


class NetlinkSocket:
    """Requests to the kernel. For one thread at a time."""

    def __init__(self, *, receive_buffer: int = 8 << 20, chunk_bytes: int = 32 << 10, chunk_messages: int = 96) -> None:
        """Open it in the current network namespace.

        Args:
            receive_buffer: bytes asked for; the kernel may grant less and rounds up to its minimum.
            chunk_bytes: most bytes per send; the send buffer is made to fit. Beyond 16 KiB the rate does not rise (measured).
            chunk_messages: most messages per send; fewer if their answers might not fit the receive buffer. Short sends, each followed
                by a yield, let the kernel's workers run, which make the hash tables larger: a VXLAN row takes 1.9 µs in sends of 64,
                4 µs in sends of 600, 8 µs in sends of 2048 (measured, Linux 6.18, two processors); bridge rows and neighbours take
                0.9 µs either way. The yield saves a tenth of a remote MAC's time, and makes 96 as good as 64 (measured).

        Raises:
            DataplaneError: no socket could be had.
        """
        self._chunk_bytes = chunk_bytes
        self._chunk_messages = chunk_messages
        self._sequence = 0
        self._blocks: list[bytearray] = []
        self._answer = memoryview(bytearray(DUMP_STEP))
        try:
            self._socket = open_socket(receive_buffer, 2 * chunk_bytes + 65536)
            self._granted = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        except OSError as error:
            raise dataplane_error(error, "open") from error

    @property
    def portid(self) -> int:
        """The socket's address: link events caused by this socket carry it."""
        name: tuple[int, int] = self._socket.getsockname()
        return name[0]

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        """Close."""
        self.close()

    # ------------------------------------------------------------------------------------------------------------ writes

    def batch(self, batch: Batch | Sequence[bytes]) -> list[Failure]:
        """Send all messages in order, whatever becomes of each; return those refused, by the caller's row index.

        Raises:
            DataplaneError: the socket itself failed; some messages may have been carried out. Observe, then try again.
        """
        _, failures = self._exchange(batch if isinstance(batch, Batch) else Batch.of(batch), ACK_COST)
        return failures

    def get(self, batch: Batch | Sequence[bytes]) -> tuple[list[memoryview], list[Failure]]:
        """Ask for single objects; return the answers as blocks for the decoders, and what could not be read.

        Raises:
            DataplaneError: the socket itself failed.
        """
        return self._exchange(batch if isinstance(batch, Batch) else Batch.of(batch), REPLY_COST)

    def _exchange(self, batch: Batch, cost: int) -> tuple[list[memoryview], list[Failure]]:
        blocks: list[bytes] = []
        refused: dict[int, tuple[int, str]] = {}
        if len(batch):
            first = self._number(batch)
            limit = max(1, min(self._chunk_messages, self._granted // cost))
            for start, stop in self._chunks(batch, limit):
                known = len(blocks)
                if self._send(batch, start, stop, first, blocks, refused):
                    self._repeat(batch, start, stop, first, blocks, refused, known)
                os.sched_yield()
        origin = batch.origin
        return [memoryview(b"".join(blocks))] if blocks else [], [
            Failure(place if origin is None else int(origin[place]), code, words) for place, (code, words) in sorted(refused.items())
        ]

    def _number(self, batch: Batch) -> int:
        """Write sequence numbers into the headers; return the first."""
        if self._sequence + len(batch) >= 1 << 32:
            self._sequence = 0
        first = self._sequence + 1
        self._sequence += len(batch)
        words = np.frombuffer(batch.data, np.uint32)
        words[batch.offsets // 4 + 2] = np.arange(first, first + len(batch), dtype=np.uint32)
        return first

    def _chunks(self, batch: Batch, limit: int) -> Iterator[tuple[int, int]]:
        start, count = 0, len(batch)
        while start < count:
            stop = int(np.searchsorted(batch.offsets, batch.offsets[start] + self._chunk_bytes, "right"))
            # The last message in reach may run over the limit; the send buffer has room for one more of any size we build.
            stop = min(max(stop, start + 1), start + limit, count)
            # A link and its mark stay in one system call: then a killed process leaves both or neither.
            while stop - start > 1 and stop < count and _kind(batch, stop) == RTM_NEWLINKPROP:
                stop -= 1
            yield start, stop
            start = stop

    def _send(self, batch: Batch, start: int, stop: int, first: int, blocks: list[bytes], refused: dict[int, tuple[int, str]]) -> bool:
        """Send messages ``start``…``stop`` with an acknowledgement of the last; return whether answers were lost."""
        data, low = batch.data, int(batch.offsets[start])
        high = int(batch.offsets[stop]) if stop < len(batch) else len(data)
        flags_at = int(batch.offsets[stop - 1]) + 6
        flags = int.from_bytes(data[flags_at : flags_at + 2], sys.byteorder)
        data[flags_at : flags_at + 2] = (flags | NLM_F_ACK).to_bytes(2, sys.byteorder)
        try:
            self._socket.send(memoryview(data)[low:high])
        except OSError as error:
            raise dataplane_error(error, "send to") from error
        finally:
            data[flags_at : flags_at + 2] = flags.to_bytes(2, sys.byteorder)
        return self._collect(first, first + stop - 1, blocks, refused)

    def _collect(self, first: int, last: int, blocks: list[bytes], refused: dict[int, tuple[int, str]]) -> bool:
        """Read answers up to the one to sequence ``last``; return whether any was lost."""
        lost = False
        while True:
            try:
                size = self._socket.recv_into(self._answer, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return True  # the last answer was dropped, and ENOBUFS was perhaps already seen
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise dataplane_error(error, "receive from") from error
                lost = True
                continue
            for received in messages(self._answer[:size]):
                if not first <= received.sequence <= last:
                    continue  # the answer to something abandoned earlier
                if received.kind != NLMSG_ERROR:
                    blocks.append(bytes(self._answer[:size]))
                    break
                code, words = error_of(received)
                if code:
                    refused[received.sequence - first] = (code, words)
                if received.sequence == last and not lost:
                    return False

    def _repeat(
        self, batch: Batch, start: int, stop: int, first: int, blocks: list[bytes], refused: dict[int, tuple[int, str]], known: int
    ) -> None:
        """Send again what has no known refusal, one by one, so that every outcome is known."""
        del blocks[known:]
        for place in range(start, stop):
            if place not in refused and self._send(batch, place, place + 1, first, blocks, refused):
                raise DataplaneError("netlink socket", "receive from", errno.ENOBUFS, "answers are lost even one at a time", retryable=True)

    # ------------------------------------------------------------------------------------------------------------- dumps

    def dump(self, request: bytes) -> list[memoryview]:
        """Return everything the kernel answers to a dump request, as blocks of whole messages.

        Raises:
            DataplaneError: refused (its errno), or changed under our hands in every one of several tries (EINTR, retryable).
        """
        for _ in range(DUMP_TRIES):
            try:
                blocks = self._dump_once(request)
            except BaseException as error:
                self._drain()
                if isinstance(error, OSError):
                    raise dataplane_error(error, "dump from") from error
                raise
            if blocks is not None:
                return blocks
        words = f"tables changed during {DUMP_TRIES} dumps in a row"
        raise DataplaneError("netlink socket", "dump from", errno.EINTR, words, retryable=True)

    def _free_block(self, kept: Iterator[bytearray]) -> bytearray:
        """Return a block nobody reads any more, or a new one: fresh pages cost a quarter of a dump's time.

        A bytearray that a view is still open on refuses to change its size; that tells the free ones apart.
        """
        for block in kept:
            try:
                block.append(block.pop())
            except BufferError:
                continue
            return block
        made = bytearray(DUMP_BLOCK)
        if len(self._blocks) < KEPT_BLOCKS:
            self._blocks.append(made)
        return made

    def _drain(self) -> None:
        """A dump was left half read: read on to its end, which the kernel provides step by step without a wait."""
        while True:
            try:
                self._socket.recv_into(self._answer, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise dataplane_error(error, "receive from") from error

    def _dump_once(self, request: bytes) -> list[memoryview] | None:
        """Return the blocks, or None if the dump is inconsistent."""
        self._sequence = self._sequence % 0xFFFF_FFFF + 1
        sequence = self._sequence
        data = bytearray(request)
        data[8:12] = sequence.to_bytes(4, sys.byteorder)
        self._socket.send(data)
        blocks: list[memoryview] = []
        whole = True
        kept = iter(self._blocks)
        block, used = self._free_block(kept), 0
        view = memoryview(block)
        while True:
            if DUMP_BLOCK - used < DUMP_STEP:
                blocks.append(view[:used])
                block, used = self._free_block(kept), 0
                view = memoryview(block)
            size = self._socket.recv_into(view[used:], DUMP_STEP)
            _, kind, flags, answered, _ = HEADER.unpack_from(block, used)
            if answered != sequence:
                continue  # the answer to something abandoned earlier
            # The kernel marks the first message after a change, which is the first of a read, or the last (nl_dump_check_consistent).
            whole &= not flags & NLM_F_DUMP_INTR
            if kind == NLMSG_ERROR:
                code, words = error_of(next(messages(view[used : used + size])))
                raise OSError(code, words or os.strerror(code))
            end = _done_at(block, used, used + size, sequence)
            if end is None:
                used += size
                continue
            final = next(messages(view[end : used + size]))
            whole &= not final.flags & NLM_F_DUMP_INTR
            if code := done_error(final):
                raise OSError(code, os.strerror(code))
            blocks.append(view[:end])
            return blocks if whole else None


def _kind(batch: Batch, place: int) -> int:
    """Return the message type of one message of a batch."""
    at = int(batch.offsets[place]) + 4
    return int.from_bytes(batch.data[at : at + 2], sys.byteorder)


def _done_at(block: bytearray, start: int, stop: int, sequence: int) -> int | None:
    """Return where NLMSG_DONE starts in what one read brought, None if it is not there.

    It comes alone, or (since Linux 4.16) behind the last rows, with the kernel's words if there was an error. It is sought from
    the end, by its type and our sequence number, and must reach exactly to the end: walking all rows would cost more.
    """
    for flags in (NLM_F_MULTI, NLM_F_MULTI | NLM_F_DUMP_INTR, NLM_F_MULTI | NLM_F_ACK_TLVS, NLM_F_MULTI | NLM_F_DUMP_INTR | NLM_F_ACK_TLVS):
        pattern = struct.pack("=HHI", NLMSG_DONE, flags, sequence)
        found = block.rfind(pattern, max(start, stop - DONE_REACH), stop) - 4
        if found >= start and found + int.from_bytes(block[found : found + 4], sys.byteorder) == stop:
            return found
    return None
