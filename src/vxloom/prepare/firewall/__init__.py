"""The machine's own firewalls: would they let the tunnels' packets pass, and who has to be asked for a permit?

``packet`` follows one packet through chains of rules, three-valued: what cannot be told from the rules is said to be so. ``nft`` and
``iptables`` read rules, ``walls`` puts them together, ``permits`` knows each tool's own way of letting a port in.

May import: the room's ``machine``, ``changes`` and ``labels``, settings, errors. Never: change a rule itself, or touch tables of nobody's.
"""
