"""The doctor's demonstration, as `make demo-doctor` plays it: exactly what was broken is named, and nothing after the cure."""

from __future__ import annotations

from pathlib import Path

from vxloom.lab import Lab
from vxloom.lab.demo import breakages
from vxloom.lab.demo.breakages import Broken, Cured, Told


def test_ten_faults_are_named_exactly_and_gone_after_their_cure(lab_directory: Path) -> None:
    played: list[str] = []
    wrong: list[str] = []
    with Lab(hypervisors=3, api_port=0) as lab:
        names = breakages.prepare(lab)
        for step in breakages.play(lab, names):
            match step:
                case Broken():
                    played.append(step.breakage.title)
                case Told() if not step.exact:
                    wrong.append(f"{played[-1]}: told {[(each.host, each.code, each.explains) for each in step.findings]}")
                case Cured() if step.left:
                    wrong.append(f"{played[-1]}: left {[(each.host, each.code, each.where) for each in step.left]}")
                case _:
                    pass
    assert wrong == []
    assert len(set(played)) >= 10
