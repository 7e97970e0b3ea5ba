"""What is broken on the hosts, asked of them by the server: when a person asks, and again and again by itself.

    asking   questions to many hosts at once, and what they told, as one `Told`
    keeping  what was told → the store: alerts, and paths that carry too little
    alerts   what was told → which alerts there are. One per host, code and place, while it lasts
    sample   which ways are measured where there are too many for all. Pure
    planning a measurement: who sends to whom, and how fast
    rounds   the server's own looks, spread over the hosts (a thread, as all that is `turning`)
    path_rounds  its own measurements

There is one server to a database (the store's lock), so there is one that looks. What stands is in the store and nowhere else: a
restarted server goes on with the alerts it finds.

May import: `vxloom.doctor` (its findings and surveys), `vxloom.model`, `vxloom.store`.
Never: change anything on a host.
"""

from vxloom.server.diagnosis.asking import Told, ask_hosts, ask_paths
from vxloom.server.diagnosis.keeping import keep
from vxloom.server.diagnosis.path_rounds import PathRounds
from vxloom.server.diagnosis.planning import PathPlan, plan_paths, real
from vxloom.server.diagnosis.rounds import Rounds

__all__ = ["PathPlan", "PathRounds", "Rounds", "Told", "ask_hosts", "ask_paths", "keep", "plan_paths", "real"]
