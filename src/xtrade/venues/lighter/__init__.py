"""Lighter: an order-book exchange as a rollup, where an order is a signed transaction in whole numbers.

signing       the hash, the curve and the signatures of its transactions
transactions  what is signed, and in which order
"""
