"""One file per case: ``run(bench)`` yields rows. Every case runs in a process and in namespaces of its own.

May import: everything. Never: knows another case.
"""
