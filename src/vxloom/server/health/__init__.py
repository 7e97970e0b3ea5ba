"""What a host's hardware means: findings with stable codes, alerts, and which hosts are the last choice for a machine.

    details    evidence and findings for people, as details of a host. Pure
    watch      the hosts of one gateway: last evidence, standing findings, thresholds of the zones (loop)

What is a finding and how long it stands is in `vxloom.doctor.judgement`: the doctor judges a single look by the same rules.

May import: `vxloom.model`, `vxloom.store`, `vxloom.doctor.judgement`.
Never: ask a host; write to the store (the gateway's ledger does).
"""

from vxloom.doctor.judgement import CODES, Condition, Finding, Health, Thresholds
from vxloom.server.health.details import health_details
from vxloom.server.health.watch import Watch

__all__ = ["CODES", "Condition", "Finding", "Health", "Thresholds", "Watch", "health_details"]
