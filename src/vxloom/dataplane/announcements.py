"""Who holds a shared address (VRRP): seen on the taps, told to the agent, and carried to the other hosts.

A shared IP or MAC is never answered from a table, so its holder's own announcement is what counts. ARP and ND
suppression eat gratuitous ARP and unsolicited NA before they reach the VXLAN port (kernel, ``br_arp_nd_proxy.c``), so
those of shared addresses are sent out on the segment's VXLAN device by us: peers' guests learn the new holder at once.
Only taps that carry shared addresses are watched; the kernel filters, so other traffic costs nothing here.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import select
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from vxloom.dataplane.ruleset import link_local
from vxloom.errors import DataplaneError, IntentError
from vxloom.model.addresses import format_mac, parse_ip, parse_mac

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26
ICMPV6, NEIGHBOUR_ADVERTISEMENT, VRRP = 58, 136, 112
_BATCH = 64
_ETHERNET_ARP = b"\0\1\x08\0\6\4"  # hardware and protocol type and their sizes (RFC 826)
_NOBODY = "0.0.0.0"  # noqa: S104 - the sender of an ARP probe
_SOLICITED = 0x40  # the S flag of a neighbour advertisement (RFC 4861, section 4.4)

# Classic BPF: accept ARP, VRRP in IPv4 and IPv6, and IPv6 whose next header is ICMPv6 of type 136; drop the rest (linux/filter.h).
_LOAD_H, _LOAD_B, _JUMP_EQ, _RETURN = 0x28, 0x30, 0x15, 0x06
_FILTER = (
    (_LOAD_H, 0, 0, 12),
    (_JUMP_EQ, 9, 0, ETH_P_ARP),
    (_JUMP_EQ, 3, 0, ETH_P_IPV6),
    (_JUMP_EQ, 0, 8, ETH_P_IP),
    (_LOAD_B, 0, 0, 23),
    (_JUMP_EQ, 5, 6, VRRP),
    (_LOAD_B, 0, 0, 20),
    (_JUMP_EQ, 3, 0, VRRP),
    (_JUMP_EQ, 0, 3, ICMPV6),
    (_LOAD_B, 0, 0, 54),
    (_JUMP_EQ, 0, 1, NEIGHBOUR_ADVERTISEMENT),
    (_RETURN, 0, 0, 0xFFFF),
    (_RETURN, 0, 0, 0),
)


@dataclass(frozen=True, slots=True)
class Watched:
    """A tap with shared addresses, and the VXLAN device of its segment."""

    tap: str
    vxlan: str
    shared: frozenset[str]
    """IPs and MACs whose holder is looked for, as :func:`shared_form` writes them."""
    macs: frozenset[str]
    """All MACs the port may send from."""
    ips: frozenset[str] = frozenset()
    """All IPs it may send from, besides the link-local addresses of its MACs."""
    checked: bool = True
    """False: its IPs are its own business (L2 networks)."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A shared address was announced on a tap."""

    tap: str
    address: str
    taken: bool = False
    """Said to everybody, as a new holder does: it counts although the holder here is known, for another may just have said the same."""


class AnnouncementWatch:
    """Packet sockets on the taps told to :meth:`watch`; one descriptor for an event loop."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        # One for all and for ever: closing a packet socket waits for an RCU grace period, 16 ms in which nothing else is heard (measured).
        self._out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        self._sockets: dict[str, tuple[Watched, socket.socket]] = {}
        self._by_fd: dict[int, str] = {}

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`read` has something."""
        return self._poll.fileno()

    def watch(self, wanted: Mapping[str, Watched]) -> tuple[str, ...]:
        """Watch exactly these taps; return the ones that are not there (yet)."""
        for tap in [tap for tap, (known, _) in self._sockets.items() if wanted.get(tap) != known]:
            self._close(tap)
        return tuple(tap for tap, item in wanted.items() if tap not in self._sockets and not self._open(item))

    def read(self) -> tuple[Announcement, ...]:
        """Return what was announced, each address once; announcements have been carried to the overlay."""
        seen: dict[Announcement, None] = {}
        for descriptor, _ in self._poll.poll(0):
            tap = self._by_fd[descriptor]
            watched, source = self._sockets[tap]
            for _turn in range(_BATCH):
                try:
                    frame, origin = source.recvfrom(2048)
                except BlockingIOError:
                    break
                except OSError:  # the tap was deleted: whoever wants it watched again says so
                    self._close(tap)
                    break
                if origin[2] != PACKET_OUTGOING:
                    claims = announced(frame, watched)
                    seen |= {Announcement(tap, address, taken=eaten(frame)): None for address in claims}
                    if claims and eaten(frame) and not (watched.checked and claims.isdisjoint(_ips(frame))):
                        self._carry(frame, watched.vxlan)
        return tuple(seen)

    def close(self) -> None:
        """Stop watching."""
        for tap in list(self._sockets):
            self._close(tap)
        self._out.close()
        self._poll.close()

    def _carry(self, frame: bytes, vxlan: str) -> None:
        """Send a frame to the segment's other hosts; if it is not delivered the guest's next announcement will be."""
        try:
            self._out.sendto(frame, (vxlan, 0))
        except OSError as error:
            if error.errno not in {errno.ENODEV, errno.ENETDOWN, errno.ENOBUFS, errno.ENXIO, errno.EAGAIN}:
                raise DataplaneError(vxlan, "announce on", error.errno or errno.EIO) from error

    def _open(self, item: Watched) -> bool:
        source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        try:
            _attach(source)
            source.bind((item.tap, ETH_P_ALL))
        except OSError as error:
            source.close()
            if error.errno == errno.ENODEV:
                return False
            raise DataplaneError(item.tap, "watch for announcements on", error.errno or errno.EIO) from error
        self._sockets[item.tap] = (item, source)
        self._by_fd[source.fileno()] = item.tap
        self._poll.register(source.fileno(), select.EPOLLIN)
        return True

    def _close(self, tap: str) -> None:
        _, source = self._sockets.pop(tap)
        self._by_fd.pop(source.fileno(), None)
        self._poll.unregister(source.fileno())
        source.close()


def announced(frame: bytes, watched: Watched) -> frozenset[str]:
    """Return the shared addresses a frame claims for its sender: source MAC, and the ARP sender's or NA target's IP.

    A virtual router's master also sends its advertisements from the shared MAC, again and again: who holds that is never long in doubt.

    Frames are seen here before the filters look at them, so none counts (and none is carried) that says another's address anywhere.
    """
    source = _mac(frame[6:12])
    if len(frame) < 42 or source not in watched.macs:
        return frozenset()
    if _is_vrrp(frame):
        return frozenset({source}) & watched.shared
    if int.from_bytes(frame[12:14], "big") == ETH_P_ARP:
        honest = frame[14:20] == _ETHERNET_ARP and _mac(frame[22:28]) in watched.macs
        own = watched.ips | watched.shared | {_NOBODY}
    else:
        honest, own = _honest_advertisement(frame, watched), watched.ips | watched.shared
    return frozenset({source, *_ips(frame)}) & watched.shared if honest and (_ips(frame) <= own or not watched.checked) else frozenset()


def _honest_advertisement(frame: bytes, watched: Watched) -> bool:
    """Tell whether an NA names the port's own addresses only: as source, and in its one option."""
    if len(frame) < 78 or frame[20] != ICMPV6 or frame[54] != NEIGHBOUR_ADVERTISEMENT:
        return False
    locals_ = {str(ipaddress.IPv6Address(int(link_local(parse_mac(mac)), 16))) for mac in watched.macs}
    size, option = 54 + int.from_bytes(frame[18:20], "big"), frame[78:86]
    says_own = size == 78 or (size == 86 and option[:2] == b"\2\1" and _mac(option[2:]) in watched.macs)
    return says_own and (not watched.checked or str(ipaddress.IPv6Address(frame[22:38])) in locals_ | watched.ips | watched.shared)


def _is_vrrp(frame: bytes) -> bool:
    return (frame[12:14], frame[23]) == (b"\x08\0", VRRP) or (frame[12:14], frame[20]) == (b"\x86\xdd", VRRP)


def _ips(frame: bytes) -> frozenset[str]:
    if int.from_bytes(frame[12:14], "big") == ETH_P_ARP:
        return frozenset({socket.inet_ntop(socket.AF_INET, frame[28:32])})
    return frozenset({str(ipaddress.IPv6Address(frame[62:78]))}) if len(frame) >= 78 else frozenset()


def _mac(raw: bytes) -> str:
    return format_mac(int.from_bytes(raw, "big"))


def shared_form(text: str) -> str:
    """Return a shared address as :func:`announced` writes it."""
    try:
        return str(parse_ip(text))
    except IntentError:
        return text.lower()


def eaten(frame: bytes) -> bool:
    """Tell whether suppression keeps an announcement from the other hosts: gratuitous ARP, unsolicited NA. Others the bridge carries."""
    if int.from_bytes(frame[12:14], "big") == ETH_P_ARP:
        return frame[28:32] == frame[38:42]
    return not _is_vrrp(frame) and not frame[58] & _SOLICITED


def _attach(source: socket.socket) -> None:
    program = b"".join(struct.pack("HBBI", *step) for step in _FILTER)
    buffer = ctypes.create_string_buffer(program)
    source.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(_FILTER), ctypes.addressof(buffer)))
