"""The rules of selling credit as plain values: money, pricing, postings, states, refusals.

Nothing here knows a database, a web page or a token's bits.
"""
