"""One file for each group of commands; `xtrade.app.cli` says which names lead here."""
