"""From Marketo's JSON to records: names, times, absent members, and what is refused."""

from datetime import UTC, date, datetime

import pytest

from leadbridge.domain.marketo import (
    ActivityType,
    DayOfCalls,
    ExportJob,
    Folder,
    LeadChange,
    ObjectType,
    Program,
    SmartCampaign,
    StaticList,
)
from leadbridge.errors import ContractError
from leadbridge.vendors.marketo.models import read

AT = datetime(2015, 5, 21, 22, 45, 13, tzinfo=UTC)


def test_names_lose_their_capitals_and_times_are_instants() -> None:
    """Also a run of capitals, an asset's malformed time, a day, and objects within objects and lists."""
    program = read(
        Program,
        {
            "id": 7,
            "name": "Fair",
            "type": "Event",
            "channel": "Tradeshow",
            "createdAt": "2015-05-21T22:45:13Z+0000",
            "folder": {"type": "Folder", "value": 3, "folderName": "2015"},
            "tags": [{"tagType": "Region", "tagValue": "EMEA"}],
            "costs": [{"startDate": "2015-06-01", "cost": 2000}],
            "sfdcId": "a member we do not know",
        },
        "program",
    )
    assert program.created_at == AT
    assert program.folder == Folder(value=3, type="Folder", folder_name="2015")
    assert program.folder.number == 3
    assert (program.tags[0].tag_value, program.costs[0].start_date, program.updated_at) == (
        "EMEA",
        date(2015, 6, 1),
        None,
    )


def test_null_counts_as_absent() -> None:
    """A member that is null takes its default, in a list within an object too."""
    change = read(
        LeadChange,
        {
            "marketoGUID": "9",
            "leadId": 1,
            "activityDate": "2015-05-21T22:45:13Z",
            "activityTypeId": 13,
            "campaignId": None,
            "fields": [{"id": 48, "name": "firstName", "newValue": None, "oldValue": "Ann"}],
        },
        "lead_changes",
    )
    assert (change.campaign_id, change.fields[0].new_value, change.fields[0].old_value) == (None, None, "Ann")


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        (ExportJob, {"exportId": "e"}),
        (ExportJob, {"exportId": "e", "status": "Completed", "fileSize": "many"}),
        (StaticList, {"id": 7}),
        (ActivityType, {"id": 1, "name": "x", "attributes": [{}]}),
        (DayOfCalls, {"date": "soon", "total": 1}),
        (SmartCampaign, "nothing"),
        (ObjectType, None),
    ],
)
def test_what_is_not_as_documented_is_told_by_its_place_and_not_by_its_value(kind: type, item: object) -> None:
    """The error names members, never what stood there."""
    with pytest.raises(ContractError) as refused:
        read(kind, item, "operation")
    assert "not as documented" in str(refused.value)
    assert not any(value in str(refused.value) for value in ("many", "soon", "nothing"))


def test_a_name_that_looks_like_a_time_stays_a_name() -> None:
    """Only a whole malformed time loses its stray offset."""
    for name in ("2015-05-21", "Fizz+0000", "BUZZ+0000", "2015-05-21T22:45:13Z"):
        assert read(StaticList, {"id": 1, "name": name}, "lists").name == name
