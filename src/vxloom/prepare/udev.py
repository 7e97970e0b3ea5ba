"""What is set again whenever a card appears, at boot too: a file of rules (udev(7)). Every network manager meets a card after udev has.

No ``.link`` file: it would take the place of the one that names the card, and knows neither tunnels' offloads nor hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vxloom.prepare.changes import SetValue, WriteFile
from vxloom.prepare.machine import Machine
from vxloom.prepare.nic import SetNic

_HEAD = """# Made by vxloom host apply; vxloom host undo removes it.
ACTION!="add|move", GOTO="{label}"
SUBSYSTEM!="net", GOTO="{label}"
ENV{{.VXLOOM_NIC}}="$name"
"""
"""``$name`` is what the card will be called: it holds also where this very event renames it."""


def rules(machine: Machine, step: str, wanted: Mapping[str, Sequence[SetNic | SetValue]]) -> WriteFile:
    """Return the file of a step that sets these, card by card; nothing wanted: there is to be no such file."""
    ethtool = machine.where("ethtool")
    lines = [
        f'ENV{{.VXLOOM_NIC}}=="{device}", {_action(ethtool, device, setting)}\n' for device, all_ in wanted.items() for setting in all_
    ]
    label = f"vxloom_{step}_end"
    text = "".join([_HEAD.format(label=label), *lines, f'LABEL="{label}"\n']) if lines else None
    return WriteFile(path=f"/etc/udev/rules.d/90-vxloom-{step}.rules", text=text, reason="whenever the card appears, after a boot, too")


def _action(ethtool: str, device: str, setting: SetNic | SetValue) -> str:
    if isinstance(setting, SetNic):
        return f'RUN+="{ethtool} {" ".join(setting.command("$name"))}"'
    return f'ATTR{{{setting.path.removeprefix(f"/sys/class/net/{device}/")}}}="{setting.value}"'
