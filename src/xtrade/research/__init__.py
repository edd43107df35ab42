"""Floor 8, research: back-tests, what they were worth, sweeps.

backtest     strategies, data, assumptions; out comes a Result
playback     recorded markets, played to an engine
recorder     writes down what happens; recording is what is left of it
sampling     what markets stood at, on a grid and around fills
accounting   positions, equity, and profit by its sources; metrics, tables and round_trips read them
result       Result: figures, tables, a folder
compare      several of them side by side
report/      one page that needs no network
sweep/       many parameters, judged by what luck would have done
"""
