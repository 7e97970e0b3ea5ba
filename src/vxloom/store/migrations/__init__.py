"""How the database got its schema, step by step. Loaded by `vxloom.store.migrate`; imports nothing of ours but the tables.

Never: change a file of `versions` after it was released.
"""
