"""The step *bond*, the check of bonds and MTUs over a VLAN, in a guest: this machine's kernel may have neither bonds nor 802.1Q."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.guest import ROOT, Guest


@pytest.mark.slow
def test_a_bond_takes_the_cards_place_loses_a_leg_and_goes_again(tmp_path: Path) -> None:
    done = Guest(tmp_path).run(f"cd {ROOT} && exec .venv/bin/python -B -m tests.machine.bond_inside", seconds=240)
    print(done.output)
    assert done.status == 0, done.output
