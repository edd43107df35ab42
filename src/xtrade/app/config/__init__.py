"""The configuration: one typed model, three file formats, four layers, and a place for every mistake.

load            what other commands call: the configuration in effect, and who set what
model           every option, once; the starter, the JSON schema and the docs are made from it
options         what the model says about itself: options, sections, what each accepts
reader          one layer, judged by the model
documents       one file, read with places (toml_places, json_document, yaml_document)
starter         the commented starter file, the JSON schema, the table in the docs
problems        places, origins and problems, and how they are written
"""

from __future__ import annotations

from xtrade.app.config.load import Loaded, load
from xtrade.app.config.model import Config

__all__ = ["Config", "Loaded", "load"]
