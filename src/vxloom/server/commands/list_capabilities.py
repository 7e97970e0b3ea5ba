"""listCapabilities."""

from __future__ import annotations

from vxloom import __version__
from vxloom.server.call import Call
from vxloom.server.command import Command, fields
from vxloom.server.responses import Fields, one

CLOUDSTACK = "4.22.0.0"
"""Clients ask for features by it: Ansible's cs_role_permission wants 4.9.2 or later."""


class ListCapabilities(Command):
    """Tells what this server can do."""

    name = "listCapabilities"
    for_users = True
    answer = fields("""
cloudstackversion string version of CloudStack whose API this is
vxloomversion string version of this server
securitygroupsenabled boolean whether there are security groups
dynamicrolesenabled boolean whether roles can be changed
supportELB string whether there is elastic load balancing
projectinviterequired boolean whether projects invite
allowusercreateprojects boolean whether users make projects
userpublictemplateenabled boolean whether users may publish templates
regionsecondaryenabled boolean whether regions share storage
kvmsnapshotenabled boolean whether KVM snapshots are made
allowuserviewdestroyedvm boolean whether users see destroyed machines
allowuserexpungerecovervm boolean whether users may expunge machines
apilimitinterval integer seconds of the request limit
apilimitmax integer requests in that time
defaultpagesize integer objects of a list without paging
""")
    example = "listCapabilities"

    def run(self, call: Call) -> Fields:
        """Return one object."""
        with call.read() as rx:
            size = rx.setting_int("default.page.size")
        return one(
            "capability",
            {
                "cloudstackversion": CLOUDSTACK,
                "vxloomversion": __version__,
                "securitygroupsenabled": False,
                "dynamicrolesenabled": True,
                "supportELB": "false",
                "projectinviterequired": False,
                "allowusercreateprojects": True,
                "userpublictemplateenabled": False,
                "regionsecondaryenabled": False,
                "kvmsnapshotenabled": False,
                "allowuserviewdestroyedvm": True,
                "allowuserexpungerecovervm": True,
                "defaultpagesize": size,
            },
        )
