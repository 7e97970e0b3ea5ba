"""What the rules of our nftables tables are called. The rules themselves are the nftables driver's."""

from __future__ import annotations

RULESET_VERSION = "6"
"""Identity of the rules in :class:`vxloom.model.state.FilterTable`; raise it whenever the nftables driver's rules change."""
ALLOW_VERSION = "4"
"""The same of :class:`vxloom.model.state.AllowTable`."""
