"""What is broken on the hosts, asked of them by the server: when a person asks, and again and again by itself.

    asking   questions to many hosts at once, and what they told, as one `Told`
    keeping  what was told → the store: alerts, and paths that carry too little
    alerts   what was told → which alerts there are. One per host, code and place, while it lasts
    rounds   the server's own looks, spread over the hosts (a thread)

There is one server to a database (the store's lock), so there is one that looks. What stands is in the store and nowhere else: a
restarted server goes on with the alerts it finds.

May import: `vxloom.doctor` (its findings and surveys), `vxloom.model`, `vxloom.store`.
Never: change anything on a host.
"""

from vxloom.server.diagnosis.asking import Told, ask_hosts
from vxloom.server.diagnosis.keeping import keep
from vxloom.server.diagnosis.rounds import Rounds

__all__ = ["Rounds", "Told", "ask_hosts", "keep"]
