"""Is a host one of the house's own? Plain Python; the settings ask before anything else is there."""

from __future__ import annotations

import ipaddress


def inside(host: str) -> bool:
    """A name without a dot (another container), localhost, or a private address: no certificate can be asked of it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host
    return address.is_private and not address.is_link_local
