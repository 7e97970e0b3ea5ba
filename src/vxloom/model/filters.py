"""What the filter table's rules are called. The rules themselves are the nftables driver's."""

from __future__ import annotations

RULESET_VERSION = "3"
"""Identity of the rules in :class:`vxloom.model.state.FilterTable`; raise it whenever the nftables driver's rules change."""
