"""The replay kernel: recorded markets played back to a strategy, with queues, latency, fees and funding.

tape        what is played: event columns of integers, built, checked and merged
models      what a back-test assumes: queue, latency, fill rule (chosen by people, at the edge)
layout      where each word of the kernel's one block of memory is
compiled    how a plain function becomes a compiled one
blocks      memory by its address, as kernels take it
public      the public book: its best after each row of a tape, found once
ladder      one side of a book: dense cells by tick, a window that follows the price
queueing    how long the queue ahead of our order is
messages    requests on their way to the venue and reports on their way back
resting     our orders in the venue's book
executions  how they are filled, and how they end
entry       what the venue does with a request of ours
venue       what each event of the tape does at the venue
kernel      `advance`: play until there is something to decide
intents     what a simulated venue takes of an intent
reports     what the kernel told, as the model's events
book        the book as we know it, for people
replay      the class that people use
live        the same, of a market that goes on: events are taken in as they come
"""
