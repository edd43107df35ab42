"""Markets that are known as bars: five numbers an interval.

columns   Bars: the columns of one instrument, checked
"""
