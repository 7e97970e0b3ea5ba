"""Dumps against a stand-in for the kernel: a datagram socket whose queue was filled beforehand."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator

import pytest

from vxloom.dataplane import netlink as nl
from vxloom.dataplane.netlink import constants as c
from vxloom.dataplane.netlink import wire
from vxloom.dataplane.netlink.socket import DUMP_TRIES
from vxloom.errors import DataplaneError

ROW = wire.NDMSG.pack(c.AF_BRIDGE, 3, 0x40, 0, 0) + wire.attribute(c.NDA_LLADDR, bytes(6))


class Kernel:
    """What it will say."""

    def __init__(self, sock: nl.NetlinkSocket) -> None:
        ours, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.close()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 5, 0))  # as the real one has it
        sock._socket = ours

    def says(self, *parts: tuple[int, int, int, bytes]) -> None:
        """Queue one datagram of messages (type, flags, sequence, body)."""
        datagram = b"".join(wire.HEADER.pack(16 + len(body), kind, flags, sequence, 99) + body for kind, flags, sequence, body in parts)
        self.end.send(datagram)


def row(sequence: int, flags: int = 0) -> tuple[int, int, int, bytes]:
    return (c.RTM_NEWNEIGH, c.NLM_F_MULTI | flags, sequence, ROW)


def done(sequence: int, code: int = 0, flags: int = 0) -> tuple[int, int, int, bytes]:
    return (c.NLMSG_DONE, c.NLM_F_MULTI | flags, sequence, struct.pack("=i", -code))


@pytest.fixture
def sock() -> Iterator[nl.NetlinkSocket]:
    with nl.NetlinkSocket() as opened:
        yield opened


@pytest.fixture
def kernel(sock: nl.NetlinkSocket) -> Iterator[Kernel]:
    made = Kernel(sock)
    yield made
    made.end.close()


@pytest.mark.parametrize("where", ["first", "later read", "end", "end behind rows"])
def test_a_dump_during_which_the_tables_changed_is_made_again(sock: nl.NetlinkSocket, kernel: Kernel, where: str) -> None:
    kernel.says(row(1, c.NLM_F_DUMP_INTR if where == "first" else 0), row(1))
    kernel.says(row(1, c.NLM_F_DUMP_INTR if where == "later read" else 0))
    end = done(1, flags=c.NLM_F_DUMP_INTR if where.startswith("end") else 0)
    kernel.says(*([row(1)] if where == "end behind rows" else []), end)
    kernel.says(row(2), row(2), row(2))
    kernel.says(row(2), row(2), done(2))
    assert len(nl.decode_fdb(sock.dump(nl.fdb_dump()))) == 5


def test_tables_that_never_rest_are_an_error_to_try_again_later(sock: nl.NetlinkSocket, kernel: Kernel) -> None:
    for sequence in range(1, DUMP_TRIES + 1):
        kernel.says(row(sequence, c.NLM_F_DUMP_INTR), done(sequence))
    with pytest.raises(DataplaneError, match="tables changed") as caught:
        sock.dump(nl.fdb_dump())
    assert (caught.value.errno, caught.value.retryable) == (errno.EINTR, True)


def test_an_error_at_the_end_of_a_dump_spoils_it(sock: nl.NetlinkSocket, kernel: Kernel) -> None:
    kernel.says(row(1))
    kernel.says(row(1), done(1, errno.EMSGSIZE))
    with pytest.raises(DataplaneError) as caught:
        sock.dump(nl.fdb_dump())
    assert caught.value.errno == errno.EMSGSIZE


def test_answers_to_something_abandoned_are_passed_over(sock: nl.NetlinkSocket, kernel: Kernel) -> None:
    kernel.says(row(77))
    kernel.says(done(77))
    kernel.says(row(1), done(1))
    assert len(nl.decode_fdb(sock.dump(nl.fdb_dump()))) == 1


def test_a_dump_that_breaks_off_leaves_nothing_for_the_next(sock: nl.NetlinkSocket, kernel: Kernel) -> None:
    kernel.says((c.NLMSG_ERROR, 0, 1, struct.pack("=i", -errno.EBUSY) + bytes(16)))
    kernel.says(row(1))
    with pytest.raises(DataplaneError) as caught:
        sock.dump(nl.fdb_dump())
    assert caught.value.retryable
    kernel.says(row(2), done(2))
    assert len(nl.decode_fdb(sock.dump(nl.fdb_dump()))) == 1
