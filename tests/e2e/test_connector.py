"""Another system sends several people at once to Marketo: a connector action on the deployed stack."""

from tests.e2e.lab import Lab

ACTION, LIST, LIST_ID = "guest-list", "Evening", 1_777
GUESTS = f"""\
format: 1
kind: action
id: {ACTION}
name: Guests of the evening
destination: {{connection: marketo-demo, operation: add_to_list, list: {LIST}}}
person: {{lookup: email, column: email, add_if_missing: true}}
batch: {{count: 3}}
"""
JOIN = f"/rest/v1/lists/{LIST_ID}/leads.json"


def test_people_of_an_array_wait_for_each_other_and_join_a_list_by_one_call(lab: Lab) -> None:
    """Two of three persons are there, one is made; the fourth of the array has no address and is skipped alone. Nobody
    is added before the third of a batch has come, then all are by one call; each has an outcome that `show` tells."""
    lab.marketo.load("staticLists", {"id": LIST_ID, "name": LIST})
    lab.cli("apply", lab.file("guests.yaml", GUESTS))
    lab.cli("activate", ACTION)
    mark, (first, second) = lab.marketo.mark(), lab.persons(2)
    new = {"lead": {"email": "quillon.guest@example.com", "lastName": "Vexley-Guest"}}
    lab.told |= {"quillon.guest@example.com", "Vexley-Guest"}

    answer = lab.call(
        ACTION, [{"lead": first.fields}, {"lead": second.fields}, {"lead": {"firstName": "Nobody"}}]
    ).json()
    one, two, nameless = (each["execution_id"] for each in answer["calls"])
    assert [each["status"] for each in answer["calls"]] == ["accepted"] * 3
    [skipped] = lab.ended([nameless])
    assert (skipped["outcome"], skipped["reason"]) == ("skipped", "identifier_missing")
    assert joins(lab, mark) == 0

    [last] = lab.send(ACTION, new)
    ended = lab.ended([one, two, last])
    assert [each["outcome"] for each in ended] == ["updated", "updated", "created"]
    [made] = [each["id"] for each in lab.marketo.records("leads") if each.get("email") == "quillon.guest@example.com"]
    members = {each["leadId"] for each in lab.marketo.records("listMembers") if each["listId"] == LIST_ID}
    assert members == {first.lead_id, second.lead_id, made}
    assert joins(lab, mark) == 1
    shown = lab.cli("show", last)
    assert f"adds the person to the list {LIST} in marketo-demo" in shown
    assert "Reason code" not in shown


def joins(lab: Lab, mark: int) -> int:
    """How many calls added to the list since a mark."""
    return sum(each["path"] == JOIN for each in lab.marketo.calls_since(mark))
