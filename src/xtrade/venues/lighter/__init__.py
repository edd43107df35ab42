"""Lighter: an order-book exchange as a rollup, where an order is a signed transaction in whole numbers.

spec          its facts: addresses, limits, abilities, what its codes mean
auth          a key: it signs transactions and makes auth tokens
codec         what is wanted becomes bytes, what is heard becomes events
  orders        an order as the numbers of its transaction, and what its statuses mean
  messages      what the wire carries, as structs
  wire          requests as they are sent, and what all answers have in common
  asking        how a question is asked; market_questions and account_questions are what can be asked
  streams       what is heard through the socket
  rows          what is heard and asked for alike: trades, fills, positions, balances
  memory        what the venue has told and later requests need
transactions  what is signed, and in which order
signing       the hash, the curve and the signatures
"""
