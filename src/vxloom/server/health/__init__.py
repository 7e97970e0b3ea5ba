"""What a host's hardware means: findings with stable codes, alerts, and which hosts are the last choice for a machine.

    judgement  evidence and thresholds → findings, and how long they stand. Pure
    details    the same for people, as details of a host. Pure
    watch      the hosts of one gateway: last evidence, standing findings, thresholds of the zones (loop)

May import: `vxloom.model`, `vxloom.store`.
Never: ask a host; write to the store (the gateway's ledger does).
"""

from vxloom.server.health.details import health_details
from vxloom.server.health.judgement import CODES, Condition, Finding, Health, Thresholds
from vxloom.server.health.watch import Watch

__all__ = ["CODES", "Condition", "Finding", "Health", "Thresholds", "Watch", "health_details"]
