"""Playbooks of Ansible's collection `ngine_io.cloudstack`, and what a run of one changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
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
        [only] = self._run([name], extra)
        return only

    def twice(self, name: str, **extra: str) -> Run:
        """The first of two runs; the second must report no change at all."""
        first, second = self._run([name, name], extra)
        assert second.changed == set()
        return first

    def _run(self, names: list[str], extra: dict[str, str]) -> list[Run]:
        """Run playbooks one after the other, by one process: it takes Ansible two seconds to begin."""
        quick = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_FORKS": "1"}
        local = ["-i", "localhost,", "-c", "local", "-e", json.dumps(extra | {"ansible_python_interpreter": str(SCRIPTS / "python")})]
        books = [CLIENTS / "playbooks" / f"{name}.yml" for name in names]
        done = self._programs.run(SCRIPTS / "ansible-playbook", *local, *books, **quick)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        runs = [_told(story["plays"][-1]) for story in _stories(done.stdout)]
        assert done.returncode == 0, done.stderr
        assert len(runs) == len(names), "each playbook is one play"
        return runs


def _stories(text: str) -> Iterator[dict[str, Any]]:
    """Yield what is told after each playbook: an object each, with the plays so far."""
    while text := text.strip():
        story, end = json.JSONDecoder().raw_decode(text)
        yield story
        text = text[end:]


def _told(play: dict[str, Any]) -> Run:
    results = {}
    for task in play["tasks"]:
        result = task["hosts"]["localhost"]
        results[task["task"]["name"]] = result.get("results", [result])
    failed = {task: one.get("msg") for task, ones in results.items() for one in ones if one.get("failed")}
    assert not failed, json.dumps(failed, indent=1)
    return Run(results)
