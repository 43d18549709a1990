"""Files of metadata in Salesforce's source format, as its own command line deploys them. Pure."""

import json
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET  # writes only

#: metadata format; connections may use any version of the REST API
METADATA_VERSION = "67.0"
#: where a project keeps its files
SOURCE = "force-app/main/default"

_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"

type Member = tuple[str, str | bool | int | Sequence[Member]]


def project() -> str:
    """The file by which the command line knows a project."""
    return json_file(
        {"packageDirectories": [{"path": "force-app", "default": True}], "sourceApiVersion": METADATA_VERSION}
    )


def package(listed: Mapping[str, Sequence[str]]) -> str:
    """The manifest of what is deployed, by its kinds."""
    types: list[Member] = [
        ("types", [*(("members", each) for each in members), ("name", kind)])
        for kind, members in listed.items()
        if members
    ]
    return xml_file("Package", [*types, ("version", METADATA_VERSION)])


def xml_file(kind: str, members: Sequence[Member]) -> str:
    """A file of metadata."""
    root = ET.Element(kind, xmlns=_NAMESPACE)
    _fill(root, members)
    ET.indent(root, "    ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _fill(element: ET.Element, members: Sequence[Member]) -> None:
    for name, value in members:
        child = ET.SubElement(element, name)
        if isinstance(value, bool):
            child.text = str(value).lower()
        elif isinstance(value, (str, int)):
            child.text = str(value)
        else:
            _fill(child, value)


def json_file(value: object) -> str:
    """A file of JSON."""
    return json.dumps(value, indent=2) + "\n"
