"""`why` on one host, without a server: its half of the way, by what it was last told and what its kernel holds."""

from __future__ import annotations

from vxloom.agent.statefile import StateFile
from vxloom.doctor.why.gather import gather
from vxloom.doctor.why.pairs import pair_of
from vxloom.doctor.why.story import Story
from vxloom.doctor.why.verdict import tell
from vxloom.settings import AgentSettings


def look(settings: AgentSettings, one: str, other: str) -> Story:
    """Return the story as far as this host goes.

    Raises ``ConfigError`` for words that mean nobody, ``StateError`` where the host was told nothing, ``DataplaneError`` without rights.
    """
    held, _ = StateFile(settings.state_dir).load()
    pair = pair_of(held.effective(), one, other)
    sight = gather(settings, pair)
    return tell(pair, (sight if 0 in pair.here else None, sight if 1 in pair.here else None))
