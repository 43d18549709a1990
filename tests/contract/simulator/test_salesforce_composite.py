"""Composite requests and graphs: references, order, what fails with what, and their limits."""

from typing import Any

import pytest

from tests.contract.simulator.salesforce_support import DATA, Org, error_of, lead, typed

HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def sub(reference_id: str, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    """Return one subrequest."""
    request = {"referenceId": reference_id, "method": method, "url": DATA + path, **more}
    return request if body is None else request | {"body": body}


def composite(org: Org, *subrequests: dict[str, Any], **flags: bool) -> list[dict[str, Any]]:
    """Send a composite that is accepted as such and return the answers of its parts."""
    answer = org.call("POST", "/composite", json={"compositeRequest": list(subrequests), **flags})
    assert answer.status_code == 200, answer.text
    parts: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return parts


def statuses(parts: list[dict[str, Any]]) -> list[int]:
    """Return the HTTP status of each part."""
    return [part["httpStatusCode"] for part in parts]


def test_a_reference_takes_the_id_that_an_earlier_part_was_given(org: Org) -> None:
    """`@{ref.id}` works in bodies and URLs, after a GET it is `Id`; the whole counts as one call."""
    before = int(org.call("GET", "/limits").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])
    parts = composite(
        org,
        sub("account", "POST", "/sobjects/Account", {"Name": "Amber"}),
        sub("contact", "POST", "/sobjects/Contact", {"LastName": "Ng", "AccountId": "@{account.id}"}),
        sub("read", "GET", "/sobjects/Contact/@{contact.id}?fields=Id,AccountId"),
        sub("found", "GET", "/query?q=SELECT Name FROM Account WHERE Id = '@{read.AccountId}'"),
        sub("change", "PATCH", "/sobjects/Contact/@{read.Id}", {"Title": "VP of @{found.records[0].Name}"}),
    )
    assert statuses(parts) == [201, 201, 200, 200, 204]
    account = parts[0]["body"]["id"]
    assert parts[0]["httpHeaders"] == {"Location": f"{DATA}/sobjects/Account/{account}"}
    assert (parts[4]["body"], parts[4]["referenceId"]) == (None, "change")
    (contact,) = org.records("Contact")
    assert (contact["AccountId"], contact["Title"]) == (account, "VP of Amber")
    after = int(org.call("GET", "/limits").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])
    assert after - before == 2


def test_references_are_spelled_as_the_answer_is(org: Org) -> None:
    """`@{ref.Id}` after a POST finds nothing, because the answer says `id`; so does one to an unknown part."""
    parts = composite(
        org,
        sub("account", "POST", "/sobjects/Account", {"Name": "Amber"}),
        sub("wrong", "POST", "/sobjects/Contact", {"LastName": "Ng", "AccountId": "@{account.Id}"}),
        sub("nobody", "POST", "/sobjects/Contact", {"LastName": "Ng", "AccountId": "@{nope.id}"}),
    )
    assert statuses(parts) == [201, 400, 400]
    assert [part["body"][0]["errorCode"] for part in parts[1:]] == ["PROCESSING_HALTED"] * 2
    assert "Invalid reference specified. No value for account.Id" in parts[1]["body"][0]["message"]


def test_without_all_or_none_the_others_stay(org: Org) -> None:
    """The outer status is 200 although a part failed; only what refers to it is halted."""
    parts = composite(
        org,
        sub("bad", "POST", "/sobjects/Account", {}),
        sub("depends", "POST", "/sobjects/Contact", {"LastName": "Ng", "AccountId": "@{bad.id}"}),
        sub("good", "POST", "/sobjects/Lead", lead()),
    )
    assert statuses(parts) == [400, 400, 201]
    assert [part["body"][0]["errorCode"] for part in parts[:2]] == ["REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert len(org.records("Lead")) == 1


def test_all_or_none_takes_everything_back(org: Org) -> None:
    """One failure: every other part is 400 PROCESSING_HALTED and nothing is written."""
    (kept,) = org.load("Lead", lead(Title="before"))
    parts = composite(
        org,
        sub("made", "POST", "/sobjects/Account", {"Name": "Amber"}),
        sub("changed", "PATCH", f"/sobjects/Lead/{kept}", {"Title": "after"}),
        sub("gone", "DELETE", f"/sobjects/Lead/{kept}"),
        sub("bad", "POST", "/sobjects/Contact", {"FirstName": "no last name"}),
        sub("never", "POST", "/sobjects/Lead", lead()),
        allOrNone=True,
    )
    assert statuses(parts) == [400] * 5
    assert [part["body"][0]["errorCode"] for part in parts] == [
        *["PROCESSING_HALTED"] * 3,
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert parts[0]["body"][0]["message"] == HALTED
    assert (org.records("Account"), [each["Title"] for each in org.records("Lead")]) == ([], ["before"])


def test_a_collection_inside_may_claim_success_and_be_taken_back(org: Org) -> None:
    """Outer allOrNone with an inner false: the body says success for one row, but no row is there."""
    records = [typed("Account", Name="Amber"), typed("Account")]
    parts = composite(
        org,
        sub("all", "POST", "/composite/sobjects", {"allOrNone": False, "records": records}),
        sub("contact", "POST", "/sobjects/Contact", {"LastName": "Ng"}),
        allOrNone=True,
        collateSubrequests=False,
    )
    assert statuses(parts) == [200, 400]
    assert [row["success"] for row in parts[0]["body"]] == [True, False]
    assert parts[1]["body"] == [{"errorCode": "PROCESSING_HALTED", "message": HALTED}]
    assert org.records("Account") == []
    assert org.records("Contact") == []


def test_unrelated_parts_may_run_out_of_order(org: Org) -> None:
    """collateSubrequests is on by default and brings like calls together; off, the order is as sent."""

    def order(**flags: bool) -> list[str]:
        parts = composite(
            org,
            sub("a", "POST", "/sobjects/Lead", lead(LastName="1")),
            sub("b", "POST", "/sobjects/Account", {"Name": "2"}),
            sub("c", "POST", "/sobjects/Lead", lead(LastName="3")),
            **flags,
        )
        log = org.control("log?since=0")[-1]["record_keys"]
        made = {part["body"]["id"]: part["referenceId"] for part in parts}
        return [made[key] for key in log if key in made]

    assert order() == ["a", "c", "b"]
    assert order(collateSubrequests=False) == ["a", "b", "c"]


def test_the_duplicate_and_assignment_headers_hold_inside(org: Org) -> None:
    """A part's own httpHeaders count for it; Authorization, Accept and Content-Type cannot be set."""
    org.control("limits", {"duplicate_rule_alert": True})
    org.load("Lead", lead(Email="a@example.com"))
    allow = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    parts = composite(
        org,
        sub("refused", "POST", "/sobjects/Lead", lead(Email="a@example.com")),
        sub("allowed", "POST", "/sobjects/Lead", lead(Email="a@example.com"), httpHeaders=allow),
        sub("fixed", "POST", "/sobjects/Lead", lead(), httpHeaders={"Authorization": "Bearer x"}),
    )
    assert statuses(parts) == [400, 201, 400]
    assert parts[0]["body"][0]["errorCode"] == "DUPLICATES_DETECTED"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"compositeRequest": []},
        {"compositeRequest": ["x"]},
        {"compositeRequest": [sub("has-dash", "GET", "/sobjects")]},
        {"compositeRequest": [sub("a", "GET", "/sobjects"), sub("a", "GET", "/sobjects")]},
        {"compositeRequest": [{"referenceId": "a", "method": "GET"}]},
        {"compositeRequest": [sub("a", "GET", "/sobjects")], "allOrNone": "yes"},
    ],
)
def test_an_unreadable_composite_is_refused_as_a_whole(org: Org, body: Any) -> None:
    """400 with an error array: no parts, a bad or repeated referenceId, a flag that is no boolean."""
    assert org.call("POST", "/composite", json=body).status_code == 400


def test_a_composite_has_25_parts_of_which_5_are_queries_or_collections(org: Org) -> None:
    """One more of either refuses the whole request, and counts as a broken limit."""
    query = "/query?q=SELECT+Id+FROM+Lead"
    assert statuses(composite(org, *(sub(f"r{n}", "POST", "/sobjects/Lead", lead()) for n in range(25)))) == [201] * 25
    assert statuses(composite(org, *(sub(f"q{n}", "GET", query) for n in range(5)))) == [200] * 5
    for path, count in (("/sobjects/Lead/describe", 26), (query, 6)):
        many = [sub(f"r{n}", "GET", path) for n in range(count)]
        answer = org.call("POST", "/composite", json={"compositeRequest": many})
        assert error_of(answer)[:2] == (400, "LIMIT_EXCEEDED")
    assert org.control("calls")["violations"] == {"LIMIT_EXCEEDED": 2}


def test_what_a_composite_cannot_call_is_refused_in_its_place(org: Org) -> None:
    """Another composite, a bulk job, a missing path, a wrong method and a retired version fail as parts."""
    parts = composite(
        org,
        sub("nested", "POST", "/composite", {}),
        sub("job", "POST", "/jobs/ingest", {}),
        sub("missing", "GET", "/sobjects/Nope"),
        sub("method", "PUT", "/sobjects/Lead", {}),
        {"referenceId": "old", "method": "GET", "url": "/services/data/v30.0/sobjects"},
    )
    assert statuses(parts) == [400, 400, 404, 405, 410]


def test_a_row_fault_hits_the_part_with_its_index(org: Org) -> None:
    """A lock inside a composite: that part is 400 UNABLE_TO_LOCK_ROW, the others are written."""
    rule = {"match": "POST */composite", "kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "rows": [1]}
    org.control("faults", [rule])
    parts = composite(org, *(sub(f"r{n}", "POST", "/sobjects/Lead", lead(LastName=str(n))) for n in range(3)))
    assert statuses(parts) == [201, 400, 201]
    assert parts[1]["body"][0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert [each["LastName"] for each in org.records("Lead")] == ["0", "2"]


def graph(graph_id: str, *subrequests: dict[str, Any]) -> dict[str, Any]:
    """Return one graph."""
    return {"graphId": graph_id, "compositeRequest": list(subrequests)}


def bad_graph(number: int) -> dict[str, Any]:
    """Return a graph that fails at its second node."""
    return graph(
        f"bad{number}",
        sub("a", "POST", "/sobjects/Account", {"Name": f"bad {number}"}),
        sub("b", "POST", "/sobjects/Contact", {"AccountId": "@{a.id}"}),
    )


def test_each_graph_is_all_or_nothing_and_independent(org: Org) -> None:
    """A graph with a failing node leaves nothing, the one beside it is written; isSuccessful tells."""
    good = graph(
        "good",
        sub("a", "POST", "/sobjects/Account", {"Name": "Amber"}),
        sub("b", "POST", "/sobjects/Contact", {"LastName": "Ng", "AccountId": "@{a.id}"}),
    )
    answer = org.call("POST", "/composite/graph", json={"graphs": [bad_graph(1), good]}).json()["graphs"]
    assert [(each["graphId"], each["isSuccessful"]) for each in answer] == [("bad1", False), ("good", True)]
    parts = answer[0]["graphResponse"]["compositeResponse"]
    codes = [part["body"][0]["errorCode"] for part in parts]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert [each["Name"] for each in org.records("Account")] == ["Amber"]


def test_after_14_failed_graphs_the_rest_is_halted(org: Org) -> None:
    """The 15th and later graphs are not even tried, good as they may be."""
    graphs = [bad_graph(number) for number in range(14)]
    graphs.append(graph("good", sub("a", "POST", "/sobjects/Account", {"Name": "Amber"})))
    answer = org.call("POST", "/composite/graph", json={"graphs": graphs}).json()["graphs"]
    assert not answer[14]["isSuccessful"]
    (part,) = answer[14]["graphResponse"]["compositeResponse"]
    assert (part["httpStatusCode"], part["body"][0]["errorCode"]) == (400, "PROCESSING_HALTED")
    assert org.records("Account") == []


def chain(length: int) -> list[dict[str, Any]]:
    """Return nodes each of which refers to the one before."""
    first = sub("n0", "POST", "/sobjects/Account", {"Name": "0"})
    return [
        first,
        *(
            sub(f"n{n}", "POST", "/sobjects/Account", {"Name": str(n), "ParentId": f"@{{n{n - 1}.id}}"})
            for n in range(1, length)
        ),
    ]


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [graph("a.b", sub("a", "GET", "/sobjects/Lead/x"))],
        [graph("x" * 40, sub("a", "GET", "/sobjects/Lead/x"))],
        [graph("same", sub("a", "GET", "/sobjects/Lead/x")), graph("same", sub("a", "GET", "/sobjects/Lead/x"))],
        [graph("query", sub("a", "GET", "/query?q=SELECT+Id+FROM+Lead"))],
        [graph(f"g{n}", sub("a", "GET", "/sobjects/Lead/x")) for n in range(76)],
        [graph("nodes", *(sub(f"n{n}", "POST", "/sobjects/Lead", {}) for n in range(501)))],
        [graph("different", *(sub(f"n{n}", "POST", f"/sobjects/Thing{n}", {}) for n in range(16)))],
        [graph("deep", *chain(16))],
    ],
)
def test_graphs_outside_the_limits_are_refused_as_a_whole(org: Org, graphs: Any) -> None:
    """75 graphs, 500 nodes, 15 levels, 15 different nodes, records only, and unique plain graph ids."""
    assert org.call("POST", "/composite/graph", json={"graphs": graphs}).status_code == 400
    assert org.records("Account") == []


def test_a_graph_of_15_levels_is_written(org: Org) -> None:
    """The deepest chain that is allowed."""
    answer = org.call("POST", "/composite/graph", json={"graphs": [graph("deep", *chain(15))]}).json()
    assert answer["graphs"][0]["isSuccessful"]
    assert len(org.records("Account")) == 15


def test_a_batch_takes_nothing_back_and_counts_each_part(org: Org) -> None:
    """Parts run one after the other, each with its status; four parts are four calls."""
    before = used(org)
    parts = [
        {"method": "POST", "url": "v67.0/sobjects/Lead", "richInput": lead(LastName="@{r0.id}")},
        {"method": "POST", "url": "v67.0/sobjects/Lead", "richInput": {}},
        {"method": "GET", "url": f"{DATA}/query?q=SELECT+LastName+FROM+Lead"},
        {"method": "GET", "url": "v67.0/limits"},
    ]
    answer = org.call("POST", "/composite/batch", json={"batchRequests": parts}).json()
    assert answer["hasErrors"] is True
    assert [each["statusCode"] for each in answer["results"]] == [201, 400, 200, 400]
    assert answer["results"][1]["result"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert answer["results"][2]["result"]["records"][0]["LastName"] == "@{r0.id}"
    # the last reading is a call, too
    assert used(org) - before == len(parts) + 1


def used(org: Org) -> int:
    """Return the calls of the day, by a call that counts itself."""
    return int(org.call("GET", "/sobjects").headers["Sforce-Limit-Info"].split("=")[1].split("/")[0])


def test_a_batch_may_stop_at_its_first_failure(org: Org) -> None:
    """What follows is 412 BATCH_PROCESSING_HALTED and was not carried out; what went before stays."""
    good = {"method": "POST", "url": "v67.0/sobjects/Lead", "richInput": lead()}
    bad = {"method": "POST", "url": "v67.0/sobjects/Lead", "richInput": {}}
    answer = org.call("POST", "/composite/batch", json={"haltOnError": True, "batchRequests": [good, bad, good]}).json()
    assert [each["statusCode"] for each in answer["results"]] == [201, 400, 412]
    assert answer["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert len(org.records("Lead")) == 1


@pytest.mark.parametrize("body", [{}, {"batchRequests": [{"url": "x"}]}, {"batchRequests": [1], "haltOnError": 1}])
def test_an_unreadable_batch_is_refused_as_a_whole(org: Org, body: Any) -> None:
    """400 before any part runs, as is one of more than 25 parts."""
    assert error_of(org.call("POST", "/composite/batch", json=body))[:2] == (400, "JSON_PARSER_ERROR")
    part = {"method": "GET", "url": "v67.0/limits"}
    answer = org.call("POST", "/composite/batch", json={"batchRequests": [part] * 26})
    assert error_of(answer)[:2] == (400, "LIMIT_EXCEEDED")
