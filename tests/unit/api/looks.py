"""What tests of machines look at."""

from __future__ import annotations

import time

from tests.unit.api.desk import Desk
from vxloom.store import records

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHQFaB8AHmTzXVhoamrUmZSrUDzDNCyMVQ7JBr2ci9GW somebody@example.org"


def bindings(desk: Desk, vm: str) -> dict[str, str]:
    """Host name → state of the first NIC's binding there."""
    with desk.store.read() as rx:
        nic = rx.one(records.Nic, vm=vm)
        rows = rx.all(records.Binding, nic=nic.id) if nic else []
        return {rx.get(records.Host, row.host).name: row.state.value for row in rows}  # type: ignore[union-attr]


def state(desk: Desk, vm: str) -> str:
    return str(desk.ask("listVirtualMachines", id=vm)["virtualmachine"][0]["state"])


def overdue(desk: Desk) -> None:
    """Let every deadline pass."""
    desk.time = time.time() + 3600
    desk.runner().turn()
    desk.time = 0
