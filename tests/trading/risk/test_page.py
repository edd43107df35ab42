"""The page about risk has every rule and every guard, in their order, and no others."""

import re
from pathlib import Path

from xtrade.trading.risk.desk_rules import DESK_RULES
from xtrade.trading.risk.guards import GUARDS
from xtrade.trading.risk.rules import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "risk.md").read_text()


def test_the_tables_have_every_rule_and_guard_in_their_order():
    first = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)

    assert first == [
        *(rule.__name__ for rule in RULES),
        "position_base",
        *(rule.__name__ for rule in DESK_RULES),
        *(guard.__name__ for guard in GUARDS),
        "hedged_pair",
    ]
