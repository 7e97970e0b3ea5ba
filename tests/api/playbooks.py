"""Playbooks of Ansible's collection `ngine_io.cloudstack`, and what a run of one changed."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from tests.api.programs import CLIENTS, Programs
from tests.api.world import SCRIPTS


@dataclasses.dataclass(frozen=True)
class Run:
    """What a playbook did: results by task, one for each item of a loop."""

    results: dict[str, list[dict[str, Any]]]

    @property
    def changed(self) -> set[str]:
        return {task for task, results in self.results.items() if any(result["changed"] for result in results)}

    def __getitem__(self, task: str) -> dict[str, Any]:
        return self.results[task][0]


class Playbooks:
    """Runs playbooks with the modules' own interpreter on this machine; their server is the one in the environment."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def once(self, name: str, **extra: str) -> Run:
        """Run a playbook to its end; it must not fail."""
        quick = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_FORKS": "1"}
        local = ["-i", "localhost,", "-c", "local", "-e", json.dumps(extra | {"ansible_python_interpreter": str(SCRIPTS / "python")})]
        done = self._programs.run(SCRIPTS / "ansible-playbook", *local, CLIENTS / "playbooks" / f"{name}.yml", **quick)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        story = json.loads(done.stdout)
        results = {}
        for task in story["plays"][0]["tasks"]:
            result = task["hosts"]["localhost"]
            results[task["task"]["name"]] = result.get("results", [result])
        failed = {task: one.get("msg") for task, ones in results.items() for one in ones if one.get("failed")}
        assert not failed, json.dumps(failed, indent=1)
        assert done.returncode == 0, done.stderr
        return Run(results)

    def twice(self, name: str, **extra: str) -> Run:
        """The first of two runs; the second must report no change at all."""
        first = self.once(name, **extra)
        assert self.once(name, **extra).changed == set()
        return first
