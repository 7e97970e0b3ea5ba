"""Making a machine fit to be a hypervisor: what it lacks, what would be changed and why, the changes, and the way back.

A *step* is a plug-in, one file in ``steps/``: it looks at a machine (:class:`~vxloom.prepare.machine.Machine`) and says which *changes*
(:mod:`vxloom.prepare.changes`) it lacks. It never makes them itself: ``run`` does, after the *journal* has on disk what each replaces, so
that an interrupted run is completed by the next and everything can be put back.

May import: errors, settings, model, and the standard library. Runs ``ip``, ``ethtool``, ``systemctl`` and the like where no netlink of ours
is at hand: rates do not matter here.
Never: store, server, agent, lab, cli; ask whether it runs in a lab.
"""
