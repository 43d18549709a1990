"""Composites and graphs: what is sent, what is refused before, and whose result is whose."""

import json
from typing import Any

import httpx
import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import ContractError, TransientError, UncertainWriteError
from leadbridge.vendors.salesforce.composite import Graph, Part, reference
from tests.unit.vendors.doubles import ScriptedVendor, salesforce_client


def create(name: str, **body: Any) -> Part:
    return Part(reference_id=name, method="POST", path="/sobjects/Lead", body=body)


def read(name: str) -> Part:
    return Part(reference_id=name, method="GET", path="/query?q=SELECT+Id+FROM+Lead")


def entry(name: str, status: int = 201, body: Any = None) -> dict[str, Any]:
    return {"referenceId": name, "httpStatusCode": status, "httpHeaders": {}, "body": body}


def composed(*entries: dict[str, Any]) -> httpx.Response:
    return httpx.Response(200, json={"compositeResponse": list(entries)})


def test_parts_are_sent_in_their_order_with_every_default_said() -> None:
    """All or none, the order, and the headers of each part that writes."""
    vendor = ScriptedVendor(composed(entry("A"), entry("B", 200)))
    parts = [create("A", LastName="Doe"), read("B")]
    salesforce_client(vendor).composite.send(parts, all_or_none=True)
    body = json.loads(vendor.requests[0].content)
    first, second = body["compositeRequest"]
    assert (body["allOrNone"], body["collateSubrequests"]) == (True, False)
    assert first == {
        "method": "POST",
        "url": "/services/data/v67.0/sobjects/Lead",
        "referenceId": "A",
        "body": {"LastName": "Doe"},
        "httpHeaders": {
            "Sforce-Auto-Assign": "FALSE",
            "Sforce-Duplicate-Rule-Header": "allowSave=false; includeRecordDetails=false; runAsCurrentUser=true",
        },
    }
    assert second == {
        "method": "GET",
        "url": "/services/data/v67.0/query?q=SELECT+Id+FROM+Lead",
        "referenceId": "B",
    }
    assert reference("A") == "@{A.id}"


def test_results_are_found_by_their_reference_whatever_their_order() -> None:
    """The vendor may run unrelated parts in another order."""
    vendor = ScriptedVendor(composed(entry("B", 204), entry("A", 201, {"id": "1"})))
    first, second = salesforce_client(vendor).composite.send([create("A"), create("B")], all_or_none=False)
    assert (first.reference_id, first.status, first.ok) == ("A", 201, True)
    assert (second.reference_id, second.status, second.ok) == ("B", 204, True)


def test_a_refused_part_says_why_in_our_words_with_its_values_masked() -> None:
    """By the same table as everything else; a part that was only halted may be sent again."""
    bad = entry("A", 400, [{"errorCode": "STRING_TOO_LONG", "message": "Josephine is too long", "fields": []}])
    halted = entry("B", 400, [{"errorCode": "PROCESSING_HALTED", "message": "x"}])
    strange = entry("C", 502, "<html>")
    vendor = ScriptedVendor(composed(bad, halted, strange))
    first, second, third = salesforce_client(vendor).composite.send(
        [create("A", FirstName="Josephine"), create("B"), create("C")], all_or_none=True
    )
    assert (first.code, first.resolution) == ("STRING_TOO_LONG", Resolution.REJECT)
    assert "*** is too long" in first.message
    assert (second.code, second.resolution) == ("PROCESSING_HALTED", Resolution.RETRY)
    assert (third.ok, third.code) == (False, "http_502")


@pytest.mark.parametrize(
    "answer",
    [composed(entry("A")), composed(entry("A"), entry("C")), httpx.Response(200, json={}), composed()],
    ids=["one missing", "another", "none", "empty"],
)
def test_a_part_without_a_result_leaves_a_write_in_doubt(answer: httpx.Response) -> None:
    """It may have been carried out."""
    vendor = ScriptedVendor(answer)
    with pytest.raises(UncertainWriteError):
        salesforce_client(vendor).composite.send([create("A"), create("B")], all_or_none=False)
    with pytest.raises(ContractError):
        salesforce_client(vendor).composite.send([read("A"), read("B")], all_or_none=False)


def test_parts_that_only_read_may_be_sent_again() -> None:
    """No doubt where nothing is written."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"))
    with pytest.raises(TransientError):
        salesforce_client(vendor).composite.send([read("A")], all_or_none=False)
    assert len(vendor.requests) == 3
    writing = ScriptedVendor(httpx.ReadTimeout("late"))
    with pytest.raises(UncertainWriteError):
        salesforce_client(writing).composite.send([create("A")], all_or_none=False)
    assert len(writing.requests) == 1


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [create(f"A{n}") for n in range(26)],
        [read(f"A{n}") for n in range(6)],
        [create("A"), create("A")],
        [create("A-B")],
        [create("Ä")],
    ],
    ids=["none", "26", "6 queries", "twice", "hyphen", "letter"],
)
def test_what_the_vendor_would_refuse_as_a_whole_is_not_sent(parts: list[Part]) -> None:
    """A fault of the caller, found before anything is at stake."""
    vendor = ScriptedVendor(composed())
    with pytest.raises(ValueError, match=r"parts|reference ids"):
        salesforce_client(vendor).composite.send(parts, all_or_none=True)
    assert vendor.requests == []


def graph_entry(name: str, ok: bool, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": name, "graphResponse": {"compositeResponse": list(entries)}, "isSuccessful": ok}


def test_graphs_and_their_parts_are_found_by_their_ids() -> None:
    """In the order of the input, whatever that of the answer."""
    answer = {"graphs": [graph_entry("g2", False, entry("A", 400, [])), graph_entry("g1", True, entry("A"))]}
    vendor = ScriptedVendor(httpx.Response(200, json=answer))
    graphs = [Graph(graph_id=name, parts=[create("A")]) for name in ("g1", "g2")]
    first, second = salesforce_client(vendor).composite.send_graphs(graphs)
    assert (first.graph_id, first.ok, first.parts[0].ok) == ("g1", True, True)
    assert (second.graph_id, second.ok, second.parts[0].code) == ("g2", False, "http_400")


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [Graph(graph_id=f"g{n}", parts=[create("A")]) for n in range(76)],
        [Graph(graph_id="g", parts=[create(f"A{n}") for n in range(501)])],
        [Graph(graph_id="a.b", parts=[create("A")])],
        [Graph(graph_id="g", parts=[create("A")])] * 2,
        [Graph(graph_id="g", parts=[create("A"), create("A")])],
    ],
    ids=["none", "76", "501 parts", "dot", "twice", "parts twice"],
)
def test_graphs_beyond_the_vendor_s_limits_are_not_sent(graphs: list[Graph]) -> None:
    """Nothing is at stake yet."""
    vendor = ScriptedVendor(composed())
    with pytest.raises(ValueError, match=r"ids|graphs"):
        salesforce_client(vendor).composite.send_graphs(graphs)
    assert vendor.requests == []
