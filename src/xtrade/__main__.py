"""`python -m xtrade` is `xtrade`."""

from xtrade.app.cli import main

main()
