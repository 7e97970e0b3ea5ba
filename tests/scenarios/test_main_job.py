"""The main job, as `vxloom demo` plays it: every claim of every scene holds."""

from __future__ import annotations

from pathlib import Path

from vxloom.lab import Lab
from vxloom.lab.demo.acts import play
from vxloom.lab.demo.stage import Stage


def test_every_claim_of_the_demonstration_holds(lab_directory: Path) -> None:
    with Lab(hypervisors=3, api_port=0) as lab:
        lab.start_server()
        stage = Stage(lab, print)
        play(stage)
    broken = [f"{result.scene}: {result.claim}: {result.seen}" for result in stage.results if not result.holds]
    assert broken == []
    assert len(stage.results) >= 27, "no scene was left out"
