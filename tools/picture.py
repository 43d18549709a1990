"""Draws who starts whom on AWS, out of template.yaml: `python -m tools.picture` puts it into docs/architecture.md.

Nothing is drawn by hand: an arrow is an event source, or a permission to call, to start or to send.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.template import ROOT, read

PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "```mermaid\n", "```\n"
#: what starts somebody
STARTS = frozenset({"lambda:InvokeFunction", "states:StartExecution", "sqs:SendMessage", "sns:Publish"})
#: how each kind is drawn, and what follows its name
SHAPES: Mapping[str, tuple[str, str, str]] = {
    "AWS::Serverless::Api": ("([", " API", "])"),
    "AWS::Serverless::Function": ("[", "", "]"),
    "AWS::Serverless::StateMachine": ("{{", " machine", "}}"),
    "AWS::SQS::Queue": ("[(", " queue", ")]"),
    "AWS::SNS::Topic": ("[(", " topic", ")]"),
    "AWS::Scheduler::ScheduleGroup": ("([", "s", "])"),
}
STORES: Mapping[str, str] = {"AWS::DynamoDB::Table": "Table", "AWS::S3::Bucket": "Bucket"}
CLOCK = "Clock"


@dataclass(slots=True)
class Picture:
    """What is drawn."""

    resources: Mapping[str, Any]
    arrows: dict[tuple[str, str], str] = field(default_factory=dict)
    stores: dict[str, set[str]] = field(default_factory=dict)
    speaks: set[str] = field(default_factory=set)

    def arrow(self, start: str, end: str, words: str = "") -> None:
        """Draw one, unless it leads to itself or to where only failures go."""
        if start != end and "DeadLetter" not in end:
            self.arrows.setdefault((start, end), words)


def names(value: object) -> Iterator[str]:
    """Logical ids that a value speaks of."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref":
                yield str(inner)
            elif key == "Fn::GetAtt":
                yield str(inner[0])
            elif key == "Fn::Sub":
                yield from re.findall(r"\$\{(\w+)", str(inner if isinstance(inner, str) else inner[0]))
            else:
                yield from names(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from names(inner)


def statements(value: object) -> Iterator[Mapping[str, Any]]:
    """Statements of policies, those too that hold under a condition of the template."""
    if isinstance(value, Mapping):
        if value.get("Effect") == "Allow" and "Resource" in value:
            yield value
        else:
            for inner in value.values():
                yield from statements(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from statements(inner)


def draw(template: Mapping[str, Any]) -> Picture:
    """Read a template's event sources, machines and permissions."""
    resources: Mapping[str, Any] = template["Resources"]
    picture = Picture(resources)
    holders = _holders(resources)
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::Serverless::Function":
                for event in properties.get("Events", {}).values():
                    _event(picture, name, event)
                if "VENDOR_SECRET_ARN" in properties.get("Environment", {}).get("Variables", {}):
                    picture.speaks.add(name)
            case "AWS::IAM::Role" | "AWS::IAM::Policy":
                for holder in holders.get(name, ()):
                    for statement in statements(properties.get("Policies", properties.get("PolicyDocument"))):
                        _allowed(picture, holder, statement)
    return picture


def _holders(resources: Mapping[str, Any]) -> dict[str, list[str]]:
    """Who acts by a role or by a policy that is attached to it: functions, machines, groups of schedules."""
    holders: dict[str, list[str]] = {}
    for name, resource in resources.items():
        if resource["Type"] in SHAPES:
            for role in names(resource.get("Properties", {}).get("Role")):
                holders.setdefault(role, []).append(name)
    for name, resource in resources.items():
        if resource["Type"] == "AWS::IAM::Policy":
            for role in names(resource["Properties"]["Roles"]):
                holders.setdefault(name, []).extend(holders.get(role, ()))
        variables = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        for role in names(variables.get("SCHEDULE_ROLE")):
            holders.setdefault(role, []).extend(names(variables["SCHEDULE_GROUP"]))
    return holders


def _event(picture: Picture, function: str, event: Mapping[str, Any]) -> None:
    properties = event["Properties"]
    if event["Type"] == "Api":
        picture.arrow(next(names(properties["RestApiId"])), function)
    elif event["Type"] == "SQS":
        picture.arrow(next(names(properties["Queue"])), function)
    else:
        expression = str(properties.get("ScheduleExpression", properties.get("Schedule")))
        every = re.sub(r"^rate\((?:1 )?(.+)\)$", r"every \1", expression)
        picture.arrow(CLOCK, function, every)


def _allowed(picture: Picture, holder: str, statement: Mapping[str, Any]) -> None:
    actions = statement["Action"]
    done = {actions} if isinstance(actions, str) else set(actions)
    for target in names(statement["Resource"]):
        kind = picture.resources.get(target, {}).get("Type")
        if kind in SHAPES and done & STARTS:
            picture.arrow(holder, target)
        elif kind in STORES:
            picture.stores.setdefault(holder, set()).add(target.removesuffix(STORES[kind]).lower())


def called(name: str, kind: str) -> str:
    """How a resource is called in the picture: a function as its folder."""
    bare = re.sub(r"(?:Function|Machine|Queue|Api|Topic|Group)$", "", name)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", bare).lower()
    return words if kind == "AWS::Serverless::Function" else words.replace("_", " ") + SHAPES[kind][1]


def text(picture: Picture) -> str:
    """The picture as a flowchart of Mermaid."""
    lines = ["flowchart TB"]
    for name in sorted({name for arrow in picture.arrows for name in arrow}):
        if name == CLOCK:
            lines.append(f'  {CLOCK}(["clock"])')
            continue
        kind = picture.resources[name]["Type"]
        opening, _, closing = SHAPES[kind]
        kept = ", ".join(sorted(picture.stores.get(name, ())))
        label = called(name, kind) + (f"<br/>{kept}" if kept else "")
        lines.append(f'  {name}{opening}"{label}"{closing}{":::speaks" if name in picture.speaks else ""}')
    for (start, end), words in sorted(picture.arrows.items()):
        lines.append(f"  {start} -->{f'|{words}|' if words else ''} {end}")
    return "\n".join([*lines, "  classDef speaks stroke-width:3px"]) + "\n"


def page(before: str) -> str:
    """The page with the picture of today in the place of the one that it holds."""
    head, rest = before.split(BEGIN, 1)
    return head + BEGIN + text(draw(read())) + END + rest.split(END, 1)[1]


def main(path: Path = PAGE) -> None:
    """Put the picture into the page."""
    path.write_text(page(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
