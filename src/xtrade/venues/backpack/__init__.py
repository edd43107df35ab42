"""Backpack: spot pairs and linear perpetuals settled in USDC; Ed25519 keys; one socket for public and private streams.

spec      facts and limits
auth      instructions and their signatures
codec     the whole venue for the link, from these parts:
  asking      requests, and what answers mean
  public      markets: listing, books, trades, bars, funding
  trading     orders, and what the account has
  streams     what comes through the socket
server    the other end of the wire
"""
