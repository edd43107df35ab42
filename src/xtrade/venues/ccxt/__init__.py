"""Any other venue, through ccxt (`pip install 'xtrade[ccxt]'`), behind our port.

venue        CcxtVenue: one account, or public data alone
wire         ccxt's exchange over our HTTP session, rate limiter, clock and chance
verdicts     ccxt's errors as ours, by what is known of what left this machine
figures      numbers out of ccxt without what a float loses
markets      ccxt's markets as instruments
abilities    ccxt's tables of what a venue can do, as ours
reports      ccxt's structures as our events and reports
reading      what is not what ccxt says it is
names        our ids as an exchange wants them written
requests     what we want, as ccxt's arguments
feeds        public data, as it is told
market_questions  and as it is asked for
trading      orders
own_orders   rows about our orders as events, nothing missed and nothing twice
questions    what an account can be asked
private      streams of an account, and the questions behind them
links, pace  whether a venue is heard, and how often it is asked
"""

from xtrade.venues.ccxt.venue import CcxtVenue

__all__ = ["CcxtVenue"]
