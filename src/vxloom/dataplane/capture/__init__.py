"""Tunnel packets from the wire: which ones (`filter`), how many of them (`ring`), and tcpdump, which fetches them (`tcpdump`).

Nothing is decoded here: what arrives is data of strangers, and who decodes it needs no rights (:mod:`vxloom.capture`).
"""

from vxloom.dataplane.capture.tcpdump import Capture

__all__ = ["Capture"]
