"""`xtrade completion`: the tab key knows the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

import cyclopts

from xtrade.app.output import note

__all__ = ["PLACES", "app", "completion"]

app = cyclopts.App(name="completion")

# Where each shell looks by itself, so that nothing is added to its start-up file.
PLACES: Final = {
    "bash": "~/.local/share/bash-completion/completions/xtrade",
    "zsh": "~/.zfunc/_cyclopts_xtrade",
    "fish": "~/.config/fish/completions/xtrade.fish",
}
AFTERWARDS: Final = {
    "bash": "open a new shell (the package bash-completion must be installed)",
    "zsh": "put `fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit` into ~/.zshrc, and open a new shell",
    "fish": "open a new shell",
}


@app.default
def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print a script that completes xtrade's words in your shell.

    Write it to where your shell looks, once after each update of xtrade.

    **Examples**

    - `xtrade completion bash > ~/.local/share/bash-completion/completions/xtrade`
    - `xtrade completion zsh > ~/.zfunc/_cyclopts_xtrade`
    - `xtrade completion fish > ~/.config/fish/completions/xtrade.fish`

    Parameters
    ----------
    shell
        The shell that will read the script.

    """
    from xtrade.app.cli import build

    sys.stdout.write(build().generate_completion(prog_name="xtrade", shell=shell))
    if sys.stdout.isatty():
        place = PLACES[shell]
        note(
            f"\nTo keep it: mkdir -p {Path(place).parent} && xtrade completion {shell} > {place}"
            f"\nThen {AFTERWARDS[shell]}."
        )
