"""A capture as the server's API answers it."""

from __future__ import annotations

import msgspec

from vxloom.model.capture import PORT, Captured, CaptureOrder, Known


class Segment(msgspec.Struct, frozen=True):
    """A segment of the host's, and the places of its members."""

    vni: int
    member: tuple[int, ...] = ()


class Answer(msgspec.Struct, frozen=True):
    """The fields of ``vxloomCapture``; those that are empty may be absent."""

    pcap: bytes
    packets: int
    dropped: int
    seconds: float
    ended: str
    device: str
    pushedout: int = 0
    vni: tuple[int, ...] = ()
    mac: tuple[str, ...] = ()
    vtep: str = ""
    port: int = PORT
    vteps: tuple[str, ...] = ()
    vnisknown: bool = False
    membersknown: bool = False
    segment: tuple[Segment, ...] = ()

    def captured(self) -> Captured:
        """Return it as an agent told it."""
        segments = {each.vni: each.member for each in self.segment} if self.vnisknown else None
        return Captured(
            pcap=self.pcap,
            packets=self.packets,
            pushed_out=self.pushedout,
            dropped=self.dropped,
            seconds=self.seconds,
            ended=self.ended,
            device=self.device,
            order=CaptureOrder(vnis=self.vni, macs=self.mac),
            known=Known(vtep=self.vtep, port=self.port, vteps=self.vteps, segments=segments, members=self.membersknown),
        )
