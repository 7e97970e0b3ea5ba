"""The Node client `csclient`: its own way to sign, and jobs known from listApis."""

from __future__ import annotations

import json

from tests.api.cloud import Cloud
from tests.api.programs import CLIENTS, NODE_MODULES, Programs


def test_d12_what_listapis_says_drives_one_executor_for_commands_and_jobs(programs: Programs, cloud: Cloud) -> None:
    text = programs.succeed("node", CLIENTS / "csclient.js", cloud.zone, cloud.offering("L2"), NODE_PATH=str(NODE_MODULES))
    report = json.loads(text)
    assert report["zones"] == 1
    assert report["empty"] == {}
    assert report["name"] is True
    assert report["updated"] == [1, 0, "changed"]
    assert report["gone"] == {"success": True}
    name, code, message = report["busy"]
    assert (name, code) == ("CloudstackAPIError", 431)
    assert cloud.zone in message
    assert report["wrong"] == ["CloudstackAPIError", 401, "unable to verify user credentials and/or request signature"]
