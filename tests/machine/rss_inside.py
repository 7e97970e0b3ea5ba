"""What test_rss.py runs inside its machine: prints, as JSON, what the cards are like at each point."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from vxloom.prepare import nic, run
from vxloom.prepare.machine import Machine
from vxloom.prepare.step import registry
from vxloom.settings import HostSettings

SETTINGS = HostSettings(labels={"Guest": "cloudbr0"})
RSS = registry()["rss"]
RULES = "/etc/udev/rules.d/90-vxloom-rss.rules"
MACHINE = Machine()


def state() -> dict[str, dict[str, object]]:
    """The cards by the last byte of their address."""
    found = {}
    for name, link in MACHINE.links().items():
        if link.mac.startswith("02:00:00:00:00:"):
            steering = Path(f"/sys/class/net/{name}/queues/rx-0/rps_cpus").read_text().strip()
            hashes = [nic.flow_hash(MACHINE, name, flow) for flow in ("udp4", "udp6")]
            found[link.mac[-1]] = {"queues": nic.queues(MACHINE, name), "steering": steering, "hash": hashes}
    return found


def first() -> dict[str, object]:
    """Apply, undo, apply."""
    subprocess.run(["ip", "link", "add", "cloudbr0", "type", "bridge"], check=True)
    for name, link in MACHINE.links().items():
        if link.mac.startswith("02:00:00:00:00:") and name != "cloudbr0":
            subprocess.run(["ip", "link", "set", name, "up", "master", "cloudbr0"], check=True)
    told: dict[str, object] = {"before": state()}
    [part] = run.apply(MACHINE, SETTINGS, [RSS])
    told |= {"problem": part.problem, "notes": part.notes, "changes": [change.what for change in part.changes], "applied": state()}
    rules = MACHINE.read(RULES)
    told["again"] = len(run.plan(MACHINE, SETTINGS, [RSS])[0].changes)
    told["undo"] = run.undo(MACHINE)
    told["undone"] = state()
    told["left"] = MACHINE.exists(RULES)
    run.apply(MACHINE, SETTINGS, [RSS])
    return told | {"same": MACHINE.read(RULES) == rules, "last": state()}


if __name__ == "__main__":
    print(json.dumps(first()))
