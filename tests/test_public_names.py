"""The public surface is deliberate: what `xtrade` offers, where it lives, and that each name is explained."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import xtrade

MODULES = sorted(
    m.name for m in pkgutil.walk_packages(xtrade.__path__, "xtrade.") if not m.name.endswith("__main__")
)


def test_the_lazy_table_and_the_typed_imports_name_the_same_things():
    tree = ast.parse(Path(xtrade.__file__).read_text())
    typed = {
        alias.asname: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("xtrade.")
        for alias in node.names
    }

    assert typed == xtrade._HOME
    assert sorted(xtrade.__all__) == sorted(xtrade._HOME)


@pytest.mark.parametrize("name", xtrade.__all__)
def test_every_public_name_can_be_had_and_has_a_docstring(name):
    value = getattr(xtrade, name)

    assert inspect.getdoc(value), f"xtrade.{name} has no docstring"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is_and_what_it_offers(module):
    found = importlib.import_module(module)
    source = ast.parse(Path(found.__file__).read_text())

    assert ast.get_docstring(source), f"{module} has no docstring"
    for name in getattr(found, "__all__", ()):
        value = getattr(found, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{module}.{name} has no docstring"
        # What overrides something may leave the words to what it overrides.
        for method, member in vars(value).items() if inspect.isclass(value) else ():
            if not method.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(getattr(value, method)), f"{module}.{name}.{method} has no docstring"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Xtrade'"):
        xtrade.Xtrade  # noqa: B018
