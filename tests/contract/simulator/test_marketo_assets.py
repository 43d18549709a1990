"""Programs, static lists and folders as assets that are made, changed and deleted.

The documented answers: parameters come as a form, a parent as JSON; a taken name is 709, a missing parent 710, a parent
of the wrong type 711, a blank required name 701; channel and type of a program are for good; an asset that something
uses stays; browsing goes by offset and ends with a warning instead of a result.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

ASSET = "/rest/asset/v1"
ROOT = json.dumps({"id": 1, "type": "Folder"})
FAIR = {"name": "Fair", "folder": ROOT, "type": "Event", "channel": "Online Event"}
NOTHING = ["No assets found for the given search criteria."]


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def made(client: httpx.Client, path: str, **form: Any) -> dict[str, Any]:
    """Post a form and give the only asset of the answer."""
    envelope = client.post(f"{ASSET}/{path}.json", data=form).json()
    assert envelope["success"] is True, envelope
    [asset] = envelope["result"]
    result: dict[str, Any] = asset
    return result


# static lists


def test_static_lists_are_made_found_changed_and_deleted(marketo: httpx.Client) -> None:
    """The same list by id, by name, in the browse and in the lead database; gone after the delete."""
    one = made(marketo, "staticLists", name="Guests", folder=ROOT, description="Invited by hand")
    by_id = marketo.get(f"{ASSET}/staticList/{one['id']}.json").json()["result"]
    by_name = marketo.get(f"{ASSET}/staticList/byName.json", params={"name": "Guests"}).json()["result"]
    browsed = marketo.get(f"{ASSET}/staticLists.json", params={"folder": ROOT}).json()["result"]
    renamed = made(marketo, f"staticList/{one['id']}", name="Visitors", description="Those who came")
    known = marketo.get(f"/rest/v1/lists/{one['id']}.json").json()["result"]
    deleted = made(marketo, f"staticList/{one['id']}/delete")

    assert by_id == by_name == browsed == [one]
    assert (one["folder"], one["createdAt"][-6:]) == ({"id": 1, "type": "Folder"}, "Z+0000")
    assert (renamed["name"], renamed["description"]) == ("Visitors", "Those who came")
    assert [each["name"] for each in known] == ["Visitors"]
    assert deleted == {"id": one["id"]}
    assert marketo.get(f"{ASSET}/staticLists.json").json()["warnings"] == NOTHING
    assert failure(marketo.get(f"{ASSET}/staticList/{one['id']}.json")) == "702"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"folder": ROOT}, "1002"),
        ({"name": " ", "folder": ROOT}, "701"),
        ({"name": "New"}, "1002"),
        ({"name": "New", "folder": "1"}, "1001"),
        ({"name": "New", "folder": "{"}, "1001"),
        ({"name": "New", "folder": '{"id": 4711, "type": "Folder"}'}, "710"),
        ({"name": "New", "folder": '{"id": 1, "type": "Shelf"}'}, "711"),
        ({"name": "New", "folder": '{"id": 1, "type": "Program"}'}, "711"),
        ({"name": "Taken", "folder": ROOT}, "709"),
    ],
)
def test_a_list_that_cannot_be_made_fails_as_a_whole(marketo: httpx.Client, form: dict[str, str], code: str) -> None:
    """Each fault of the form has the code that the vendor documents, and no list is made."""
    made(marketo, "staticLists", name="Taken", folder=ROOT)

    answer = marketo.post(f"{ASSET}/staticLists.json", data=form)

    assert failure(answer) == code
    assert len(marketo.get("/_sim/records/staticLists").json()) == 1


# programs


def test_a_program_is_made_changed_and_deleted(marketo: httpx.Client) -> None:
    """Tags and costs are kept; costs are added to unless the change says destructive; the program goes at last."""
    costs = json.dumps([{"startDate": "2026-02-01", "cost": 100, "note": "stand"}])
    tags = json.dumps([{"tagType": "Region", "tagValue": "EMEA"}])
    one = made(marketo, "programs", **FAIR, description="Once a year", tags=tags, costs=costs)
    more = made(marketo, f"program/{one['id']}", name="Fair 2027", costs=costs)
    none = made(marketo, f"program/{one['id']}", costsDestructiveUpdate="true")
    browsed = marketo.get(f"{ASSET}/programs.json").json()["result"]
    deleted = made(marketo, f"program/{one['id']}/delete")

    assert (one["type"], one["channel"], one["folder"]["value"]) == ("Event", "Online Event", 1)
    assert one["tags"] == [{"tagType": "Region", "tagValue": "EMEA"}]
    assert [len(each["costs"]) for each in (one, more, none)] == [1, 2, 0]
    assert more["name"] == "Fair 2027"
    assert [(each["name"], "tags" in each, "costs" in each) for each in browsed] == [("Fair 2027", False, False)]
    assert deleted == {"id": one["id"]}
    assert failure(marketo.get(f"{ASSET}/program/{one['id']}.json")) == "702"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "701"),
        ({"type": "Party"}, "1003"),
        ({"channel": "Nurture"}, "709"),
        ({"channel": "Nothing"}, "709"),
        ({"tags": '[{"tagType": "Region", "tagValue": "Mars"}]'}, "709"),
        ({"tags": "Region"}, "1001"),
        ({"costs": '[{"cost": "much"}]'}, "1001"),
        ({"folder": '{"id": 4711, "type": "Folder"}'}, "710"),
        ({"name": "Taken"}, "709"),
    ],
)
def test_a_program_that_cannot_be_made_fails_as_a_whole(
    marketo: httpx.Client, change: dict[str, str], code: str
) -> None:
    """Each fault of the form has the code that the vendor documents, and no program is made."""
    made(marketo, "programs", **{**FAIR, "name": "Taken"})

    answer = marketo.post(f"{ASSET}/programs.json", data={**FAIR, **change})

    assert failure(answer) == code
    assert len(marketo.get("/_sim/records/programs").json()) == 1


def test_channel_and_type_are_for_good_and_what_is_used_stays(marketo: httpx.Client) -> None:
    """A change of either is 709; so is deleting a program with a list or an active campaign in it."""
    one = made(marketo, "programs", **FAIR)
    path = f"{ASSET}/program/{one['id']}"
    place = json.dumps({"id": one["id"], "type": "Program"})
    guests = made(marketo, "staticLists", name="Guests", folder=place)

    fixed = [marketo.post(f"{path}.json", data=each) for each in ({"channel": "Content"}, {"type": "Default"})]
    used = marketo.post(f"{path}/delete.json")
    made(marketo, f"staticList/{guests['id']}/delete")
    marketo.post("/_sim/load", json={"smartCampaigns": [{"name": "Welcome", "programId": one["id"]}]})
    active = marketo.post(f"{path}/delete.json")

    assert [failure(each) for each in (*fixed, used, active)] == ["709"] * 4
    assert guests["folder"] == {"id": one["id"], "type": "Program"}


def test_a_clone_has_the_words_but_not_the_members(marketo: httpx.Client) -> None:
    """A taken name is 709; of two clones of one program at the same moment one is 719."""
    one = made(marketo, "programs", **FAIR, tags='[{"tagType": "Region", "tagValue": "APAC"}]')
    marketo.post("/_sim/limits", json={"race_window_seconds": 0.5})

    def clone(name: str) -> httpx.Response:
        return marketo.post(f"{ASSET}/program/{one['id']}/clone.json", data={"name": name, "folder": ROOT})

    with ThreadPoolExecutor(2) as pool:
        answers = [each.json() for each in pool.map(clone, ("Fair North", "Fair South"))]

    assert sorted(each["success"] for each in answers) == [False, True]
    [codes] = [each["errors"] for each in answers if not each["success"]]
    [[copied]] = [each["result"] for each in answers if each["success"]]
    assert codes[0]["code"] == "719"
    assert (copied["channel"], copied["tags"]) == (one["channel"], one["tags"])
    assert copied["id"] != one["id"]
    assert failure(clone("Fair")) == "709"


def test_only_email_programs_are_approved(marketo: httpx.Client) -> None:
    """Approving locks, taking it back unlocks; a second approval or another type is 709."""
    mail = made(marketo, "programs", name="Mail", folder=ROOT, type="Email", channel="Email Send")
    fair = made(marketo, "programs", **FAIR)
    path = f"{ASSET}/program/{mail['id']}"

    approved = made(marketo, f"program/{mail['id']}/approve")
    status = marketo.get(f"{path}.json").json()["result"][0]["status"]
    again, other = (
        marketo.post(f"{path}/approve.json"),
        marketo.post(f"{ASSET}/program/{fair['id']}/approve.json"),
    )
    made(marketo, f"program/{mail['id']}/unapprove")

    assert (mail["status"], approved, status) == ("unlocked", {"id": mail["id"]}, "locked")
    assert [failure(each) for each in (again, other)] == ["709", "709"]
    assert marketo.get(f"{path}.json").json()["result"][0]["status"] == "unlocked"


def test_programs_are_found_by_tag_filter_and_time_of_change(marketo: httpx.Client) -> None:
    """By tag in any order; by folder; only those changed in a span of time; a bad time is 704."""
    for name, region in (("A", "EMEA"), ("B", "APAC"), ("C", "EMEA")):
        tags = json.dumps([{"tagType": "Region", "tagValue": region}])
        made(marketo, "programs", **{**FAIR, "name": name}, tags=tags)
    tagged = {"tagType": "Region", "tagValue": "EMEA"}
    now = marketo.get("/_sim/clock").json()["now"]
    marketo.post("/_sim/clock", json={"advance_seconds": 60})
    first = marketo.get(f"{ASSET}/program/byName.json", params={"name": "A"}).json()["result"][0]["id"]
    made(marketo, f"program/{first}", description="Moved")

    by_tag = marketo.get(f"{ASSET}/program/byTag.json", params=tagged).json()["result"]
    by_folder = marketo.get(f"{ASSET}/programs.json", params={"filterType": "folderId", "filterValues": "1"}).json()
    later = marketo.get(f"{ASSET}/programs.json", params={"earliestUpdatedAt": now}).json()["result"]

    assert sorted(each["name"] for each in by_tag) == ["A", "C"]
    assert len(by_folder["result"]) == 3
    assert [each["name"] for each in later if each["description"]] == ["A"]
    assert (
        marketo.get(f"{ASSET}/programs.json", params={"latestUpdatedAt": "2001-01-01T00:00:00Z"}).json()["warnings"]
        == NOTHING
    )
    assert failure(marketo.get(f"{ASSET}/programs.json", params={"earliestUpdatedAt": "soon"})) == "704"
    assert failure(marketo.get(f"{ASSET}/programs.json", params={"filterType": "colour"})) == "1003"
    assert failure(marketo.get(f"{ASSET}/program/byTag.json")) == "1002"


def test_tag_types_tell_their_values_and_required_ones_are_asked_for(marketo: httpx.Client) -> None:
    """The browse has no values, the type by its name has; a program without a required tag is 709."""
    marketo.post("/_sim/load", json={"tagTypes": [{"name": "Owner", "values": ["East", "West"], "required": True}]})

    browsed = marketo.get(f"{ASSET}/tagTypes.json").json()["result"]
    [owner] = marketo.get(f"{ASSET}/tagType/byName.json", params={"name": "Owner"}).json()["result"]

    assert [each["tagType"] for each in browsed] == ["Region", "Business Unit", "Owner"]
    assert all("allowableValues" not in each for each in browsed)
    assert (owner["allowableValues"], owner["required"]) == ("[East, West]", True)
    assert failure(marketo.post(f"{ASSET}/programs.json", data=FAIR)) == "709"
    assert marketo.get(f"{ASSET}/tagType/byName.json", params={"name": "x"}).json()["warnings"] == NOTHING


# folders


def test_folders_hold_what_is_filed_in_them(marketo: httpx.Client) -> None:
    """Made below the root, listed with their contents, deleted only when empty."""
    one = made(marketo, "folders", name="2027", parent=ROOT)
    place = json.dumps({"id": one["id"], "type": "Folder"})
    program = made(marketo, "programs", **{**FAIR, "folder": place})
    inner = made(marketo, "folders", name="Spring", parent=place)

    every = marketo.get(f"{ASSET}/folders.json").json()["result"]
    inside = marketo.get(f"{ASSET}/folder/{one['id']}/content.json", params={"type": "Folder"}).json()["result"]
    full = marketo.post(f"{ASSET}/folder/{one['id']}/delete.json", data={"type": "Folder"})
    made(marketo, f"folder/{inner['id']}/delete", type="Folder")
    archived = made(marketo, f"folder/{one['id']}", type="Folder", isArchive="true", name="Old")

    as_program = {"type": "Program", "name": "New"}
    path = f"{ASSET}/folder/{program['id']}"
    program_kept = [marketo.post(f"{each}.json", data=as_program) for each in (path, f"{path}/delete")]
    program_read = marketo.get(f"{path}.json", params={"type": "Program"}).json()["result"][0]

    assert [failure(each) for each in program_kept] == ["711", "711"]
    assert (program_read["name"], program_read["folderType"]) == ("Fair", "Marketing Program")
    assert [each["name"] for each in every] == ["Marketing Activities", "2027", "Spring"]
    assert inner["path"] == "/Marketing Activities/2027/Spring"
    assert inside == [{"id": inner["id"], "type": "Folder"}, {"id": program["id"], "type": "Program"}]
    assert program["folder"] == {"type": "Folder", "value": one["id"], "folderName": "2027"}
    assert (archived["name"], archived["isArchive"]) == ("Old", True)
    assert failure(full) == "709"
    assert failure(marketo.get(f"{ASSET}/folder/{inner['id']}.json", params={"type": "Folder"})) == "702"
    assert failure(marketo.post(f"{ASSET}/folders.json", data={"name": "Old", "parent": ROOT})) == "709"
    assert failure(marketo.get(f"{ASSET}/folder/4711/content.json")) == "710"
