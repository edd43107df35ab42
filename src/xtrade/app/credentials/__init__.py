"""Credentials: what a venue needs to know us, and where it is kept.

venues        what each venue needs, as data: fields, their forms, and whether a field is secret
forms         what a well-formed field is: checked by using it (a key signs and verifies), never by asking the venue
record        the account's name, and one account's credentials once they are checked
owner_only    files and directories that nobody else can read or change
key_files     files of one account each: TOML, JSON, and the `name: value` lines that traders keep
environment   variables such as XTRADE_BINANCE_API_KEY
keystore      one encrypted file for all accounts
passphrase    from the environment, the desktop's keyring, or the person at the terminal
sources       all of the above in their order: the first place that has an account wins
"""
