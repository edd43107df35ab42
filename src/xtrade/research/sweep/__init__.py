"""Searching parameters without being fooled: trials on every core, counted, and judged by what luck would have done.

sweep           the one function that others call, and the object it returns
walk_forward    the same, window by window: chosen on one stretch of time, judged on the next
windows         time cut into stretches to search in and stretches to judge in
walk_result     what a walk forward leaves
trial           the nouns: Window, Outcome, Trial, and what an `evaluate` is
space           which values the parameters may take, as text or typed
constraint      rules between parameters, such as fast < slow
search          where the next trial comes from: grid, random
tpe             the same, from Optuna's tree of Parzen estimators
executor        where trials run: the port, and the one that runs them here
local           spawned processes of this machine
worker          what runs in them
ray_cluster     a Ray cluster, or a local one
running         the loop between the three: ask, run, keep, tell
store           a file that remembers each trial, so that a sweep goes on where it was stopped
result          what a sweep leaves
statistics      probabilistic and deflated Sharpe, and how long a track record has to be
judgement       the same for all trials of a sweep, in plain words
neighbours      whether the best stands on a plateau or on a lone peak
table           trials in a terminal, best first
heat_map        two parameters as a map
pictures        the same map as SVG, all trials against luck, and an equity curve
page            all of it as one HTML page that needs no network
progress        what a person sees meanwhile
"""
