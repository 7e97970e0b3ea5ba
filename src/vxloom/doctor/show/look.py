"""One look at this host: all the I/O there is. Changes nothing."""

from __future__ import annotations

from vxloom.agent.facts import host_name
from vxloom.agent.statefile import NOTHING_SAVED, StateFile
from vxloom.dataplane.linuxbridge.observe import read_kernel
from vxloom.dataplane.netlink import NetlinkSocket
from vxloom.doctor.show.sight import sight_of
from vxloom.doctor.show.views import shown
from vxloom.model.show import Query, Shown
from vxloom.settings import AgentSettings


def show(settings: AgentSettings, query: Query) -> Shown:
    """Return a view of this host. Raises ``DataplaneError`` (run it as root)."""
    held, trouble = StateFile(settings.state_dir).load()
    with NetlinkSocket() as sock:
        kernel = read_kernel(sock)
    return shown(sight_of(host_name(settings), kernel, held, "" if trouble == NOTHING_SAVED else trouble), query)
