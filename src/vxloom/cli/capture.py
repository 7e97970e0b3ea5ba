"""`vxloom capture`: tunnel packets from the wire, decoded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vxloom.cli.options import Size, chosen, config_option, output_option, show
from vxloom.errors import ConfigError, StateError
from vxloom.settings import ETC

if TYPE_CHECKING:
    from vxloom.capture.flags import Seen, Selection
    from vxloom.capture.summary import Sum
    from vxloom.model.capture import Captured, CaptureOrder, Known

_FILE = ETC / "agent.toml"
_READ = 100_000
"""Packets decoded of a file, when not told otherwise."""


@click.command("capture")
@click.argument("where", metavar="[HOST]", required=False)
@click.option("--host", "this_host", is_flag=True, help="Capture on this host; needs no server. Run it as root.")
@click.option("--read", type=click.Path(path_type=Path, dir_okay=False), help="Decode a pcap or pcapng file instead.")
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Also keep the packets in a pcap file, as for Wireshark.")
@click.option("--vni", type=click.IntRange(0, 0xFF_FFFF), help="Only tunnel packets of this VNI.")
@click.option("--vm", help="Only frames from or to this machine (name or id), and those for all in its networks.")
@click.option("--seconds", type=float, default=10.0, show_default=True, help="End after so long. On other hosts 60 at the most.")
@click.option("--packets", type=int, help="End after so many.  [default: 10000; of a file 100000]")
@click.option("--size", type=Size(), default="4M", show_default=True, help="Keep so much: the oldest packets make room for later ones.")
@click.option("--snap", type=int, default=256, show_default=True, help="Bytes kept of each packet.")
@click.option("--device", default="", help="Where to capture.  [default: the device that carries the tunnels]")
@config_option(_FILE)
@output_option
def command(
    where: str | None, this_host: bool, read: Path | None, write: Path | None, vni: int | None, vm: str | None,
    seconds: float, packets: int | None, size: int, snap: int, device: str, config: Path | None, output: str,
) -> None:  # fmt: skip
    """Show VXLAN packets of HOST, of this host, or of a file: a line each, the tunnel and what is inside, and a table at the end.

    \b
    On a host of the cloud:  vxloom capture h1 --vm web1 --seconds 20
    On this host:            vxloom capture --host --vni 5001 --write web.pcap
    Of a file:               vxloom capture --read web.pcap

    What is remarkable is flagged (!fragment, !wrong-port …) and explained below the table. Ctrl-C ends a capture of this host
    early, with what there is. The packets are decoded here, by tshark; exit code 1 when a file is not whole.
    """
    if sum(map(bool, (where, this_host, read))) != 1:
        raise click.UsageError("name a HOST, or give --host for this one, or --read FILE")
    if read is not None:
        if write or vm or device:
            raise click.UsageError("--read goes with --vni, --packets and --output only")
        _file(read, vni, packets or _READ, output)
        return
    if write is not None and not os.access(write if write.exists() else write.parent, os.W_OK):  # said before the packets are gone
        raise ConfigError(f"{write} cannot be written", remedy="name another file with --write")
    from vxloom.model.capture import CaptureOrder

    order = CaptureOrder(
        seconds=seconds,
        packets=packets if packets is not None else 10_000,
        size=size,
        snap=snap,
        device=device,
        vnis=() if vni is None else (vni,),
    )
    captured = _here(order, vm, chosen(config, _FILE)) if this_host else _there(where or "", order, vm)
    if write is not None:
        write.write_bytes(captured.pcap)
        click.echo(f"{captured.packets} packets are in {write}", err=True)
    from vxloom.capture.flags import Selection

    selection = Selection(frozenset(captured.order.vnis), frozenset(captured.order.macs))
    problem = _tell(captured.pcap, captured.known, selection, captured.packets, output, captured)
    if problem:
        raise StateError(f"not all packets were decoded: {problem}", remedy="capture fewer, or use --write and Wireshark")


def _here(order: CaptureOrder, vm: str | None, config: Path | None) -> Captured:
    import msgspec

    from vxloom.agent.captures import ports_of, prepared
    from vxloom.cli.progress import Progress
    from vxloom.model.capture import HERE
    from vxloom.settings import AgentSettings, load

    settings = load(AgentSettings, config, {})
    if vm is not None:
        ports = ports_of(settings, vm)
        vnis = order.vnis or tuple(sorted({port.vni for port in ports}))
        order = msgspec.structs.replace(order, vnis=vnis, macs=tuple(port.mac for port in ports))
    capture = prepared(settings, order, HERE)
    with Progress("tcpdump starts") as progress:

        def begun(device: str) -> None:
            click.echo(f"capturing on {device}", err=True)
            progress.begin(f"capturing on {device}, {order.seconds:g} s or {order.packets} packets")

        return capture.run(begun)


def _there(host: str, order: CaptureOrder, vm: str | None) -> Captured:
    import msgspec

    from vxloom.cli.client import Client, names_from
    from vxloom.cli.progress import Progress
    from vxloom.model.capture import FAR, checked

    checked(order, FAR)
    if order.seconds != int(order.seconds):
        raise ConfigError(f"seconds is {order.seconds:g}", remedy="whole seconds, where another host captures")
    wanted = {"seconds": str(int(order.seconds)), "packets": str(order.packets), "size": str(order.size), "snap": str(order.snap)}
    wanted |= {"device": order.device} if order.device else {}
    wanted |= {"vni": str(order.vnis[0])} if order.vnis else {}
    wanted |= {"virtualmachine": vm} if vm is not None else {}
    from vxloom.cli.captured import Answer

    with Progress(f"{host} captures, {order.seconds:g} s or {order.packets} packets"), names_from("vxloom host list"):
        answer = Client().call("vxloomCapture", name=host, **wanted)
    try:
        return msgspec.convert(answer.get("capture", {}), Answer).captured()
    except msgspec.ValidationError as error:
        raise StateError(f"the server's answer is not understood: {error}", remedy="upgrade the older side") from error


def _file(path: Path, vni: int | None, most: int, output: str) -> None:
    from vxloom.capture.flags import Selection
    from vxloom.model.capture import Known

    problem = _tell(path, Known(), Selection(frozenset() if vni is None else frozenset({vni})), most, output)
    if problem:
        raise StateError(f"{path} is not whole: {problem}", remedy="what could be decoded is above")


def _tell(pcap: bytes | Path, known: Known, selection: Selection, most: int, output: str, captured: Captured | None = None) -> str:
    """Decode and print; return why there may be more than what was printed."""
    from vxloom.capture.decode import decode
    from vxloom.capture.flags import judged
    from vxloom.capture.summary import summed
    from vxloom.cli.progress import Progress

    seen: tuple[Seen, ...] = ()
    others = 0
    if captured is not None and not captured.packets:
        problem = ""
    else:
        with Progress("tshark decodes"):
            decoded = decode(pcap, frozenset({known.port}), most)
            seen, others = judged(decoded.packets, known, selection)
        problem = decoded.problem
    rows = summed(seen)
    if output == "json":
        _programs(seen, rows, others, captured)
    else:
        _people(seen, rows, others, known, captured)
    if not problem and captured is None and len(seen) + others >= most:
        click.echo(f"decoded are the first {most} packets; --packets takes more", err=True)
    return problem


def _programs(seen: Sequence[Seen], rows: Sequence[Sum], others: int, captured: Captured | None) -> None:
    import msgspec

    told: dict[str, object] = {"packets": seen, "summary": rows, "others": others}
    if captured is not None:
        told["capture"] = {name: value for name, value in msgspec.structs.asdict(captured).items() if name != "pcap"}
    click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2))


def _people(seen: Sequence[Seen], rows: Sequence[Sum], others: int, known: Known, captured: Captured | None) -> None:
    from vxloom.capture.summary import legend, line, row

    for each in seen:
        click.echo(click.style(line(each), fg="yellow" if each.flags else None))
    if seen:
        click.echo()
        show("table", ("vni", "packets", "bytes", "flags"), [row(each) for each in rows])
    for text in legend(rows):
        click.echo(text)
    if others:
        click.echo(f"{others} packets have nothing to do with tunnels")
    if captured is None:
        click.echo("not judged: VNIs and VTEPs, since no host says which it knows", err=True)
        return
    click.echo(
        f"{captured.packets} packets in {captured.seconds:.1f} s on {captured.device}, {captured.dropped} dropped by the kernel"
        + (f", {captured.pushed_out} older ones made room (--size)" if captured.pushed_out else "")
    )
    if captured.ended not in {"seconds", "packets", "interrupted"}:
        click.echo(f"it ended early: {captured.ended}", err=True)
    if known.segments is None:
        click.echo("not judged: VNIs and VTEPs, since no server said anything to this host", err=True)
    elif not known.members:
        click.echo("not judged: VTEPs, since nobody told this host its peers", err=True)
