"""What `make bench` runs: our figures beside those of the tools a person would use, in one run, on one machine.

Reading order: ``rows`` (what is told) → ``selection`` (which cases there are) → ``measure`` (pairs and percentiles) → ``case`` (the
process a case lives in) → ``cases`` (one file each) → ``__main__`` (runs them and tells).

May import: everything. Nothing imports it but its tests.
Never: touches the real machine's network; every case lives in namespaces of its own, which vanish with its process.
"""
