"""hftbacktest's files: one array of events, prices and quantities as floats.

events   how an event is laid out
reader   a file as rows of a tape
writer   a tape as a file
"""
