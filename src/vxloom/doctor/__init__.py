"""Finding what is broken, and saying what to do about it.

gather ──► evidence ──► checks ──► findings ──► diagnosis
(all I/O)  (frozen)     (pure)                  (what explains what)

A *check* is a plug-in, one file in ``checks/``: it declares its *faults* (a stable code, what it means, what to do) and a function ``look``
that returns findings from evidence. Checks read nothing but evidence, so a finding can be told from a recording, and a test needs no host.

Beside it stands ``show/``: what is on the host at all, the same comparison as marks on its rows. `logs` and `reading`
explain lines of logs.

May import: errors, settings, model, compiler, planner, dataplane (to observe), agent (its state file), hypervisor (which tap
is whose), prepare (machine, requirements).
Never: store, server, lab, cli; change anything on a host; ask whether it runs in a lab.
"""
