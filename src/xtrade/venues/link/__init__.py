"""The link: the one engine that does all I/O of all venues. A venue is a codec; what is written here is written once.

link       Link: the port (xtrade.venues.base) over a codec
asking     asks: rate limits, the venue's clock, sockets where they are open, HTTP elsewhere, pages, what errors mean
lines      connections: login, subscriptions, silence, replacement before their life is over, and coming back
books      one book each kept in step, asked for anew without touching the others
orders     our orders: on their way, known to the venue, ended
"""

from xtrade.venues.link.link import Link, LinkOptions

__all__ = ["Link", "LinkOptions"]
