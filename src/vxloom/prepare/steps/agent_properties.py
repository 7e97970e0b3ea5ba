"""The step *agent-properties*."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

import tomlkit

from vxloom.errors import PrepareError
from vxloom.prepare import labels
from vxloom.prepare.changes import AnyChange, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.properties import Properties
from vxloom.prepare.step import Step
from vxloom.settings import HostSettings

CLOUDSTACK = "/etc/cloudstack/agent/agent.properties"
OURS = "/etc/vxloom/agent.toml"
_DEVICES = {"Public": "public.network.device", "Management": "private.network.device", "Guest": "guest.network.device"}
_NATIVE = "com.cloud.hypervisor.kvm.resource.BridgeVifDriver"


class AgentProperties(Step):
    """Tell the host's agent its traffic labels and how it bridges."""

    name = "agent-properties"
    after = ("bond",)

    def changes(self, machine: Machine, settings: HostSettings) -> Sequence[AnyChange]:
        """Set CloudStack's keys where its agent is installed, the labels of ours otherwise; what is not asked for stays.

        Refuses what CloudStack would silently misread: VXLAN with its Open vSwitch driver attaches guests untagged and unisolated, an
        unknown ``network.vxlan.mode`` means multicast.
        """
        _refuse_unresolved(machine, settings.labels)
        text = machine.read(CLOUDSTACK)
        change = _ours(machine, settings) if text is None else _cloudstack(text, settings)
        return [change] if change is not None and not change.done(machine) else []


def _cloudstack(text: str, settings: HostSettings) -> WriteFile:
    file = Properties(CLOUDSTACK, text)
    wanted = {_DEVICES[kind]: device for kind, device in settings.labels.items() if kind in _DEVICES}
    if settings.bridge_type:
        wanted["network.bridge.type"] = settings.bridge_type
    if settings.vxlan_mode:
        wanted["network.vxlan.mode"] = settings.vxlan_mode
    _refuse_misread(file, wanted)
    return WriteFile(path=CLOUDSTACK, text=file.with_values(wanted), reason="CloudStack's agent finds its bridges by these keys")


def _refuse_misread(file: Properties, wanted: Mapping[str, str]) -> None:
    bridging = wanted.get("network.bridge.type") or file.get("network.bridge.type") or "native"
    mode = wanted.get("network.vxlan.mode") or file.get("network.vxlan.mode") or "multicast"
    if bridging not in {"native", "openvswitch"}:
        raise PrepareError(f"network.bridge.type={bridging} is nothing CloudStack knows", remedy="use native")
    if bridging == "openvswitch":
        raise PrepareError(
            "with network.bridge.type=openvswitch CloudStack attaches VXLAN guests untagged to the guest bridge, without any isolation",
            remedy="use native; CloudStack has no VXLAN in its Open vSwitch driver",
        )
    if mode.lower() not in {"multicast", "evpn"}:
        raise PrepareError(f"network.vxlan.mode={mode} would silently mean multicast", remedy="use multicast or evpn")
    for key in ("libvirt.vif.driver", "libvirt.vif.driver.Guest", "libvirt.vif.driver.Public"):
        driver = file.get(key)
        if driver not in {None, "", _NATIVE}:
            raise PrepareError(f"{key}={driver} has no VXLAN", remedy=f"take it out of {CLOUDSTACK}, or set it to {_NATIVE}")


def _ours(machine: Machine, settings: HostSettings) -> WriteFile | None:
    """Return the change of our agent's file; None when nothing is asked for, or all is there."""
    if not settings.labels:
        return None
    text = machine.read(OURS) or ""
    try:
        has = tomllib.loads(text).get("labels", {})
    except tomllib.TOMLDecodeError as error:
        raise PrepareError(f"{OURS} is not valid TOML: {error}", remedy="mend the file") from error
    missing = {label: device for label, device in settings.labels.items() if has.get(label) != device}
    if not missing:
        return None
    return WriteFile(path=OURS, text=_with_labels(text, has, missing), reason="the server shows which device a label ends on")


def _with_labels(text: str, has: Mapping[str, str], missing: Mapping[str, str]) -> str:
    """Return the text with labels set: each below the heading of its table, which is made at the end where there is none."""
    document = tomlkit.parse(text)
    table = document.setdefault("labels", tomlkit.table())
    for label, device in missing.items():
        table[label] = device
    return tomlkit.dumps(document)


def _refuse_unresolved(machine: Machine, wanted: Mapping[str, str]) -> None:
    links = machine.links() if wanted else {}
    for label, device in wanted.items():
        if device not in links:
            near = ", ".join(sorted(name for name, link in links.items() if link.kind in {"bridge", "bond", "vlan", ""} and name != "lo"))
            raise PrepareError(f"label {label} names {device}, which is not here", remedy=f"make it first, or name one of: {near[:200]}")
        ports = labels.stack(links, device)[1:]
        if links[device].kind != "bridge" or any(labels.is_seen(port.name) for port in ports):
            continue
        if not ports:
            raise PrepareError(
                f"label {label}: no port of {device} leads out of this machine, so CloudStack would not find it",
                remedy=f"put a card, bond or VLAN into it first: ip link set dev eth0 master {device}, and where it is brought up at boot",
            )
        raise PrepareError(
            f"label {label}: CloudStack does not recognise the name of any port of {device} ({', '.join(port.name for port in ports)})",
            remedy="name the interface eth…, en…, bond… or team… (systemd.link(5))",
        )
