"""Rows as clients see them, one module a kind: ``FIELDS`` declares what can be there, a function makes it, in bulk.

May import: what `vxloom.server` may, without commands.
Never: change anything. None means "leave it out"; field names, spelling mistakes included, are CloudStack's.
"""
