"""Desks of strategies that are compiled and run inside a replay: what they see and ask, as the engine would have it.

A decision in Python is told by an engine, past a risk gate, and its orders are written down. The same decision as a
kernel has all three here, in words behind the replay's own memory, so that both forms leave the same record.

layout    the desk's words: position, open orders, limits, journal
gate      the rules of the risk gate, as a kernel
orders    the desk's orders: let out or refused, and what is heard of them
tapes     what a decision on books sees and does
bars      what a decision on bars sees and does
playing   the loops, one compiled for each decision
runs      one run from start to end, and the journal that it leaves
"""
