"""Reads template.yaml: YAML with the short forms of CloudFormation's functions."""

from pathlib import Path
from typing import Any, cast

import yaml

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / "template.yaml"


class TemplateLoader(yaml.CSafeLoader):
    """By the parser that takes a tenth of the time."""


def _function(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: text.split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(cast("yaml.MappingNode", node), deep=True)}


TemplateLoader.add_multi_constructor("!", _function)


def read() -> dict[str, Any]:
    """The template as plain values, short forms as their long ones."""
    template: dict[str, Any] = yaml.load(PATH.read_text("utf-8"), TemplateLoader)  # noqa: S506  # a safe loader
    return template
