"""What becomes of networks and machines: the changes of state that several commands share, each inside the caller's transaction.

May import: what `vxloom.server` may, without commands.
Never: open a transaction, answer a request, wait.
"""
