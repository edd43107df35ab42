"""Data that users hold, read into what the simulator plays: exactly, or refused with the place and a way out.

readers      what others call: read_tape, read_bars, grid_of
formats      the table of formats: a name, how a file is recognised, who reads it
reading      what a reading found besides data, and what its user lets it go on over
opening      files as blocks of whole lines, through gzip, whatever their bytes
tables       columns that remember which line of which file each row was
csv_tables   CSV into such columns, on the instrument's grid
grid         decimals in floats, told from floats that are off the grid
tardis       Tardis CSV: books, trades, funding
snapshots    Tardis CSV: books of five or twenty-five levels
hftbacktest  hftbacktest's npz, read and written
ohlcv_files  bars as CSV, JSON, Parquet, feather: which column is what
ohlcv        what these columns mean, checked
times        times as files write them, in nanoseconds UTC
"""
