"""How an Action finds its record and what it does with it."""

from datetime import timedelta

import pytest

from tests.e2e.lab import Lab, since, wait_for


@pytest.mark.cap("A01")
def test_one_call_is_one_operation_of_the_configured_type_and_one_execution(lab: Lab) -> None:
    """A webhook of an activated create, update or upsert Action makes exactly one Salesforce write, of its type,
    and the command line lists exactly one execution for the person."""
    paths = {"create": ("POST", "created"), "update": ("PATCH", "updated"), "upsert": ("PATCH", "updated")}
    persons = {action: lab.person() for action in paths}
    for action in ("update", "upsert"):
        person = persons[action]
        lab.salesforce.load("Lead", {"Email": person.email, "LastName": "Before", "Company": "Example Ltd"})
    mark = lab.salesforce.mark()

    ids = {action: lab.send(action, person.body())[0] for action, person in persons.items()}
    lab.ended(list(ids.values()))

    for action, (method, _) in paths.items():
        writes = lab.writes_since(mark, persons[action].email)
        assert [(call["method"], call["path"].rpartition("/")[2]) for call in writes] == [(method, "sobjects")]
        assert [lead["LastName"] for lead in lab.leads(persons[action].email)] == [persons[action].fields["lastName"]]
    listed = {person.lead_id: action for action, person in persons.items()}
    rows = [row for row in lab.json("executions") if row["lead_id"] in listed]
    assert sorted((row["action_id"], row["execution_id"]) for row in rows) == sorted(ids.items())
    assert {row["action_id"]: row["outcome"] for row in rows} == {name: what for name, (_, what) in paths.items()}


@pytest.mark.cap("A10")
def test_the_record_with_the_email_is_found_and_no_other(lab: Lab) -> None:
    """Of four Leads with similar addresses the one whose Email equals the payload's is changed, the others are
    as they were, and none is added."""
    person = lab.person()
    local = person.email.partition("@")[0]
    addresses = [person.email, f"{local}@example.org", f"x{person.email}", f"{local}+1@example.com"]
    ids = lab.salesforce.load(
        "Lead", *({"Email": address, "LastName": "Before", "Company": "Example Ltd"} for address in addresses)
    )
    before = [lab.lead(one) for one in ids[1:]]
    number = len(lab.salesforce.records("Lead"))

    [execution] = lab.run("upsert", person.body(email=f" {person.email.upper()} "))

    assert (execution["outcome"], execution["salesforce_id"]) == ("updated", ids[0])
    assert lab.lead(ids[0])["LastName"] == person.fields["lastName"]
    assert [lab.lead(one) for one in ids[1:]] == before
    assert len(lab.salesforce.records("Lead")) == number


@pytest.mark.cap("A11")
def test_an_external_id_field_finds_the_record_and_the_upsert_uses_it(lab: Lab) -> None:
    """With External_Key__c as identifier the Lead with that key is changed, whatever its address, and a new person is
    sent to the upsert resource of that field."""
    known, new = lab.person(externalKey="key-known"), lab.person(externalKey="key-new")
    decoy, ours = lab.salesforce.load(
        "Lead",
        {"Email": known.email, "LastName": "Decoy", "Company": "Example Ltd"},
        {"Email": "elsewhere@example.com", "LastName": "Before", "Company": "X", "External_Key__c": "key-known"},
    )
    mark = lab.salesforce.mark()

    first, second = lab.run("by-key", known.body(), new.body())

    assert (first["outcome"], first["salesforce_id"]) == ("updated", ours)
    assert (lab.lead(ours)["LastName"], lab.lead(ours)["Email"]) == (known.fields["lastName"], known.email)
    assert lab.lead(decoy)["LastName"] == "Decoy"
    assert second["outcome"] == "created"
    assert lab.lead(second["salesforce_id"])["External_Key__c"] == "key-new"
    [upsert] = lab.writes_since(mark, "key-new")
    assert upsert["path"].endswith("/composite/sobjects/Lead/External_Key__c")


@pytest.mark.cap("A12")
def test_without_deduplication_the_same_payload_twice_is_two_operations(lab: Lab) -> None:
    """The same body twice within 10 s, without an event id, makes two writes: one creates the Lead, one updates it."""
    person = lab.person()
    mark = lab.salesforce.mark()

    executions = lab.run("upsert", person.body(), person.body())

    first, second = (since(each["received_at"]) for each in executions)
    assert second - first < timedelta(seconds=10)
    assert sorted(each["outcome"] for each in executions) == ["created", "updated"]
    assert len(lab.writes_since(mark, person.email)) == 2
    assert len(lab.leads(person.email)) == 1


@pytest.mark.cap("A16")
def test_create_inserts_although_there_is_a_match(lab: Lab) -> None:
    """With a matching Lead present, two calls of a create Action insert two more and leave the first alone."""
    person = lab.person()
    [present] = lab.salesforce.load("Lead", {"Email": person.email, "LastName": "Before", "Company": "Example Ltd"})
    before = lab.lead(present)

    executions = lab.run("create", person.body(), person.body())

    assert [each["outcome"] for each in executions] == ["created", "created"]
    made = {each["salesforce_id"] for each in executions}
    assert {lead["Id"] for lead in lab.leads(person.email)} == made | {present}
    assert len(made) == 2
    assert lab.lead(present) == before


@pytest.mark.cap("A17")
def test_update_changes_a_match_and_creates_nothing_without_one(lab: Lab) -> None:
    """An update Action patches the matching Lead; without a match it writes nothing and says so as skipped."""
    known, unknown = lab.persons(2)
    [present] = lab.salesforce.load("Lead", {"Email": known.email, "LastName": "Before", "Company": "Example Ltd"})
    mark = lab.salesforce.mark()

    changed, skipped = lab.run("update", known.body(), unknown.body())

    assert (changed["outcome"], changed["salesforce_id"]) == ("updated", present)
    assert lab.lead(present)["LastName"] == known.fields["lastName"]
    assert (skipped["outcome"], skipped["reason"]) == ("skipped", "no_match")
    assert skipped["message"].startswith("No match")
    assert lab.leads(unknown.email) == []
    assert lab.writes_since(mark, unknown.email) == []


@pytest.mark.cap("A18", "A19")
def test_upsert_creates_without_a_match_and_updates_with_one(lab: Lab) -> None:
    """A new person is created and counted as created; a known one is updated in place and counted as updated."""
    new, known = lab.persons(2)
    [present] = lab.salesforce.load("Lead", {"Email": known.email, "LastName": "Before", "Company": "Example Ltd"})

    first, second = lab.run("upsert", new.body(), known.body())

    [made] = lab.leads(new.email)
    assert (first["outcome"], first["salesforce_id"]) == ("created", made["Id"])
    [kept] = lab.leads(known.email)
    assert (second["outcome"], second["salesforce_id"], kept["Id"]) == ("updated", present, present)
    assert kept["LastName"] == known.fields["lastName"]
    counted = {row["execution_id"]: row["counts"] for row in lab.json("executions")}
    assert counted[first["execution_id"]]["created"] == counted[second["execution_id"]]["updated"] == 1
    assert counted[first["execution_id"]]["updated"] == counted[second["execution_id"]]["created"] == 0


@pytest.mark.cap("A20")
def test_the_duplicate_record_rule_names_the_one_that_is_updated(lab: Lab) -> None:
    """Of two matching Leads the newest, or with the other rule the oldest, is updated; the other's
    LastModifiedDate stays."""
    persons = {"newest": lab.person(), "oldest": lab.person()}
    matches: dict[str, list[str]] = {action: [] for action in persons}
    for _ in range(2):
        begun = int(lab.marketo.now().timestamp())
        wait_for("a new second", lambda begun=begun: int(lab.marketo.now().timestamp()) > begun)  # type: ignore[misc] # mypy cannot infer a lambda with a default
        for action, person in persons.items():
            record = {"Email": person.email, "LastName": "Before", "Company": "Example Ltd"}
            matches[action] += lab.salesforce.load("Lead", record)
    dates = {one["Id"]: one["LastModifiedDate"] for one in lab.salesforce.records("Lead")}

    for action, person in persons.items():
        older, newer = matches[action]
        chosen, other = (newer, older) if action == "newest" else (older, newer)
        [execution] = lab.run(action, person.body())

        assert (execution["outcome"], execution["salesforce_id"]) == ("updated", chosen)
        assert lab.lead(chosen)["LastName"] == person.fields["lastName"]
        assert (lab.lead(other)["LastName"], lab.lead(other)["LastModifiedDate"]) == ("Before", dates[other])
        assert len(lab.leads(person.email)) == 2


@pytest.mark.cap("A21")
def test_several_matches_without_a_rule_fail_and_name_the_candidates(lab: Lab) -> None:
    """Two matching Leads and no rule: failed, the message lists both Ids, and nothing is written."""
    person = lab.person()
    record = {"Email": person.email, "LastName": "Before", "Company": "Example Ltd"}
    ids = lab.salesforce.load("Lead", record, record)
    before = lab.leads(person.email)
    mark = lab.salesforce.mark()

    [execution] = lab.run("upsert", person.body())

    assert (execution["outcome"], execution["reason"]) == ("failed", "ambiguous_match")
    assert all(one in execution["message"] for one in ids)
    assert lab.leads(person.email) == before
    assert lab.writes_since(mark, person.email) == []
