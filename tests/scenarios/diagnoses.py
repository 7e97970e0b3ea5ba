"""What the doctor says of a cloud, asked as its operator does."""

from __future__ import annotations

import json
from typing import Any, cast

from tests.scenarios.clouds import Cloud


def everywhere(cloud: Cloud, **parameters: object) -> set[tuple[str, str]]:
    """Return (host, code) of what the server is told."""
    told = diagnosis(cloud, **parameters)
    assert told["hosts"] == len(cloud.hosts)
    return {(row["host"], row["code"]) for row in told["finding"]}


def diagnosis(cloud: Cloud, **parameters: object) -> dict[str, Any]:
    """Return all that the server is told."""
    return cast("dict[str, Any]", cloud.call("vxloomDiagnose", **parameters)["diagnosis"])


def below(cloud: Cloud, **parameters: object) -> dict[tuple[str, str], list[str]]:
    """Return (host, code) → codes of what follows from it, sorted, of what the server is told."""
    told = diagnosis(cloud, **parameters)["finding"]
    return {(row["host"], row["code"]): sorted({text.split()[0] for text in row["explains"]}) for row in told}


def on(cloud: Cloud, host: str) -> dict[str, list[str]]:
    """Return code → codes of what follows from it, sorted, as `vxloom doctor --host` on the host itself tells."""
    done = cloud.lab.node(host).run(["vxloom", "doctor", "--host", "--output", "json"], check=False)
    told = json.loads(done.stdout)
    assert done.returncode == max([{"error": 2, "warning": 1}.get(each["severity"], 0) for each in told["finding"]], default=0)
    return {each["code"]: sorted({text.split()[0] for text in each["explains"]}) for each in told["finding"]}


def ways(cloud: Cloud) -> dict[tuple[str, str], tuple[bool, int]]:
    """Return (from, to) → (reached, largest size that passes)."""
    names = {cloud.lab.node(name).address: name for name in cloud.hosts}
    told = diagnosis(cloud, paths="true")["path"]
    return {(row["host"], names[row["remote"]]): (row["reached"], row["limit"]) for row in told}
