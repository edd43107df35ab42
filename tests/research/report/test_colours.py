"""Both themes can be read: every colour that carries words has the contrast that WCAG AA asks for."""

import re

import pytest

from xtrade.research.report.document import asset

CSS = asset("assets/report.css")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for block in (CSS.partition("}")[0], CSS.partition('[data-theme="dark"]')[2].partition("}")[0])
)
PAIRS = [
    (ink, ground)
    for ink in (
        "ink",
        "soft",
        "accent",
        "gain",
        "loss",
        "buy",
        "sell",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
    )
    for ground in ("panel", "paper", "faint")
] + [
    ("warn", "warn-wash"),
    ("ink", "warn-wash"),
    ("loss", "loss-wash"),
    ("ink", "loss-wash"),
    ("ink", "accent-wash"),
]


def luminance(colour):
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_words_stand_out_from_what_is_behind_them(theme, ink, ground):
    low, high = sorted((luminance(theme[ink]), luminance(theme[ground])))

    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_both_themes_have_the_same_names():
    assert LIGHT.keys() == DARK.keys()
