"""The report of a back-test: one HTML file that needs nothing else, and a page that compares several.

page         report_html, write_report: the report of one result
comparison   compare_html, write_comparison: several results over each other
run          what a page reads of a result, and what one may choose to look at
headline     the verdict: a sentence, tiles, metrics as people read them
cautions     what to know before believing a figure
lines        charts over time: money, its parts, inventory, prices with our fills
quality      mark-outs, fates of orders, latency
listings     tables: trades, fills, refused orders
thinning     fewer points, the same picture
figures      numbers as people read them
sections     the parts of a page in HTML
document     everything in one file that fetches nothing
assets/      skeletons, styles and scripts, ours
vendor/      uPlot, as its maker published it
"""

from xtrade.research.report.comparison import compare_html, write_comparison
from xtrade.research.report.page import report_html, write_report

__all__ = ["compare_html", "report_html", "write_comparison", "write_report"]
