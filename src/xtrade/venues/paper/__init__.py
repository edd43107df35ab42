"""A paper account: the markets of any venue, and orders that never leave this process.

venue     the port: market data passed on and played to the replay kernel, orders sent to that kernel
account   what the account has, holds and did
"""

from xtrade.venues.paper.venue import PaperVenue

__all__ = ["PaperVenue"]
