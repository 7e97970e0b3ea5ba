"""The step *offload*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vxloom.prepare import nic, trial, udev
from vxloom.prepare.changes import AnyChange
from vxloom.prepare.machine import Machine
from vxloom.prepare.nic import SetNic
from vxloom.prepare.step import Step
from vxloom.prepare.trial import TryOffloads
from vxloom.settings import HostSettings

_SUMS, _CUTS = "the card adds up checksums", "the card cuts large segments into frames: a packet's cost is paid once for many"
WANTED: tuple[tuple[str, str], ...] = (
    ("rx-checksumming", "the card checks checksums"),
    ("tx-checksum-ipv4", _SUMS),
    ("tx-checksum-ipv6", _SUMS),
    ("tx-checksum-ip-generic", _SUMS),
    ("tx-scatter-gather", "large segments lie in several pieces of memory"),
    ("generic-segmentation-offload", "large segments are cut as late as possible"),
    ("tx-tcp-segmentation", _CUTS),
    ("tx-tcp6-segmentation", _CUTS),
    ("tx-udp_tnl-segmentation", f"inside tunnels, too: {_CUTS}"),
    ("tx-udp_tnl-csum-segmentation", f"inside tunnels with an outer checksum, too: {_CUTS}"),
    ("rx-udp_tunnel-port-offload", "the card looks into tunnels, and checks and spreads by what is inside"),
    ("generic-receive-offload", "frames are put together on arrival: a packet's cost is paid once for many"),
)
"""Offloads by ethtool's names, those that others need first, and why."""
TUNNEL = ("tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation", "rx-udp_tunnel-port-offload")
"""Those whose lack a person should know of: without them a card's others do not reach into tunnels."""


class Offload(Step):
    """Have the cards below the label Guest do for tunnels what they can do, and do right."""

    name = "offload"
    after = ("mtu",)
    again = True

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Turn on what is off, now and whenever the card appears, and off what a trial found to corrupt frames.

        What a card lacks, or its driver holds fast, stays as it is.
        """
        wanted: dict[str, list[SetNic]] = {}
        now: list[AnyChange] = []
        for link in nic.below(machine, settings):
            has = nic.features(machine, link.name)
            wanted[link.name] = _settings(machine, link.name, has)
            now += [change for change in wanted[link.name] if has[change.name].requested != (change.value == "on")]
        last: list[AnyChange] = [udev.rules(machine, self.name, wanted)]
        if settings.offload_peer:
            last += [
                TryOffloads(
                    device=device,
                    peer=settings.offload_peer,
                    names=tuple(name for name, _ in WANTED),
                    reason="some cards corrupt what they send",
                )
                for device in wanted
            ]
        return [*now, *(change for change in last if not change.done(machine))]

    def notes(self, machine: Machine, settings: HostSettings) -> Sequence[str]:
        """Name what a card lacks and what it does wrong, and say if it was not tried."""
        notes = []
        device = settings.labels.get("Guest", "")
        if device and machine.links()[device].kind == "bridge":
            notes.append(
                f"{device} is a bridge, and a bridge has no offloads for tunnels: where their address is on it, segments are cut before "
                "they reach the card; give the address to the card, bond or VLAN itself"
            )
        for link in nic.below(machine, settings):
            if missing := _missing(nic.features(machine, link.name)):
                notes.append(f"{link.name} has no {', '.join(missing)}: the processor does that work for tunnels")
            known = trial.found(machine, link.name)
            if known is None:
                notes.append(f"{link.name} was not tried for offloads that corrupt frames: offload_peer in host.toml names a host for that")
                continue
            for name, words in known.corrupt.items():
                notes.append(f"{link.name}: with {name} frames to {known.peer} did not arrive as sent ({words}): it stays off")
        return notes


def _settings(machine: Machine, device: str, has: Mapping[str, nic.Feature]) -> list[SetNic]:
    known = trial.found(machine, device)
    corrupt = known.corrupt if known else {}
    return [
        SetNic(device=device, aspect="feature", name=name, value="off", reason=f"it corrupts frames: {corrupt[name]}")
        if name in corrupt
        else SetNic(device=device, aspect="feature", name=name, value="on", reason=reason)
        for name, reason in WANTED
        if name in has and not has[name].fixed
    ]


def _missing(has: Mapping[str, nic.Feature]) -> list[str]:
    return [name for name in TUNNEL if name not in has or (not has[name].on and (has[name].fixed or has[name].requested))]
