"""Write the tables of options in configuration.md anew, from the model: `uv run python` this file."""

import re
from pathlib import Path

from xtrade.app.config.starter import options_table

PAGE = Path(__file__).with_name("configuration.md")
BEGIN, END = "<!-- options: made by docs/configuration_options.py -->\n", "<!-- end of options -->\n"

text = PAGE.read_text()
made = re.sub(f"(?s)(?<={BEGIN}).*?(?={END})", lambda _: f"\n{options_table()}\n", text)
assert BEGIN in text
assert END in text
PAGE.write_text(made)
