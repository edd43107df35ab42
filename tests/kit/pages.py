"""A page of ours taken apart without a browser: its words, its links, its scripts and the data of its charts."""

import json
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """A page taken apart; it fails where an element is not closed."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.scripts, self.words = [], [], [], []
        self.open, self.hrefs = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        self.links += [
            attributes[name] for name in ("src", "action", "data", "poster", "srcset") if name in attributes
        ]
        if "href" in attributes:
            self.hrefs.append(attributes["href"])
        assert not [name for name in attributes if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag not in VOID | {"path"}:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts[-1] += data
        elif self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).replace("\u202f", " ").split())

    @property
    def deck(self):
        return json.loads(self.scripts[1])
