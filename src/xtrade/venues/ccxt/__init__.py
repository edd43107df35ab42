"""Any other venue, through ccxt (`pip install 'xtrade[ccxt]'`), behind our port."""
