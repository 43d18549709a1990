"""Programs, members, tokens, static lists, smart campaigns and usage: the client's verbs against the Marketo twin."""

from datetime import UTC, date, datetime, timedelta

import pytest

from leadbridge.domain.marketo import Cost, Folder, ListMembership, Tag, Token
from leadbridge.domain.records import Resolution
from leadbridge.errors import ConfigurationError, PermanentError, UncertainWriteError
from tests.integration.vendors.conftest import Clients, Twin

ROOT = Folder(id=1)
PROGRAMS = "/rest/asset/v1/programs.json"


@pytest.fixture
def leads(marketo: Twin) -> list[int]:
    """One more lead than a call takes; gives their ids."""
    found: list[int] = marketo.post("load", {"leads": [{"email": f"p{n}@example.com"} for n in range(301)]})["leads"]
    return found


@pytest.fixture
def fair(marketo: Twin) -> int:
    """A program; gives its id."""
    (program_id,) = marketo.post("load", {"programs": [{"name": "Fair", "type": "Event"}]})["programs"]
    return int(program_id)


@pytest.mark.cap("M101")
@pytest.mark.parametrize("count", [0, 200, 401])
def test_all_programs_are_browsed_until_a_page_is_empty(clients: Clients, marketo: Twin, count: int) -> None:
    """None, exactly one page and more than two: each program once, and the last page asked for is an empty one."""
    if count:
        marketo.post("load", {"programs": [{"name": f"Ünï {number}, 😀"} for number in range(count)]})

    found = list(clients.marketo().programs.browse())

    assert sorted(each.name for each in found) == sorted(f"Ünï {number}, 😀" for number in range(count))
    assert len({each.id for each in found}) == count
    assert len(marketo.calls_of("GET", PROGRAMS)) == -(-count // 200) + 1


@pytest.mark.cap("M102")
def test_only_programs_that_changed_are_fetched(clients: Clients, marketo: Twin, fair: int) -> None:
    """A day later one of two programs is changed: only that one is found from then on."""
    programs = clients.marketo().programs
    other = programs.create("Other", ROOT, program_type="Default", channel="Content")
    marketo.post("clock", {"advance_seconds": 86_400})
    then = datetime.fromisoformat(marketo.get("clock")["now"])
    programs.update(other.id, description="changed")

    found = list(programs.browse(changed_since=then - timedelta(hours=1), changed_until=then + timedelta(hours=1)))

    assert [(each.id, each.description) for each in found] == [(other.id, "changed")]


@pytest.mark.cap("M063", "M067", "M068")
def test_a_program_is_made_found_changed_copied_and_deleted(clients: Clients, marketo: Twin) -> None:
    """All that a program says is read and typed, by browse, id, name and tag; each write is seen at the twin."""
    programs = clients.marketo().programs
    tag = Tag(tag_type="Region", tag_value="EMEA")
    cost = Cost(start_date=date(2026, 1, 1), cost=2_000, note="Ünï")

    made = programs.create(
        "Fair “26”", ROOT, program_type="Event", channel="Online Event", description="d", tags=[tag], costs=[cost]
    )
    programs.update(made.id, name="Fair 27", costs=[Cost(start_date=date(2026, 2, 1), cost=3)])
    copied = programs.clone(made.id, "Copy", ROOT)

    by_id, by_name = programs.one(made.id), programs.by_name("Fair 27")
    assert by_id == by_name
    assert by_id is not None
    assert (by_id.name, by_id.type, by_id.channel, by_id.description) == ("Fair 27", "Event", "Online Event", "d")
    assert (by_id.tags, [each.cost for each in by_id.costs]) == ((tag,), [2_000, 3])
    assert by_id.created_at is not None
    assert by_id.created_at.tzinfo is not None
    assert by_id.updated_at is not None
    assert by_id.updated_at >= by_id.created_at
    assert by_id.folder is not None
    assert (by_id.folder.number, by_id.workspace) == (1, "Default")
    assert by_id.url is not None
    assert by_id.status is not None
    assert {each.id for each in programs.by_tag(tag)} == {made.id, copied.id}
    assert {each.id for each in programs.browse()} == {made.id, copied.id}
    programs.delete(made.id)
    assert [each["id"] for each in marketo.get("records/programs")] == [copied.id]
    assert (programs.one(made.id), programs.by_name("Fair 27")) == (None, None)


@pytest.mark.cap("M064")
@pytest.mark.parametrize("kind", ["Default", "Event", "Event with Webinar", "Engagement", "Email", "Something New"])
def test_every_program_type_is_read_an_unknown_one_too(clients: Clients, marketo: Twin, kind: str) -> None:
    """A type that does not exist yet is given as it comes."""
    marketo.post("load", {"programs": [{"name": "P", "type": kind}]})
    assert [each.type for each in clients.marketo().programs.browse()] == [kind]


@pytest.mark.cap("M065")
def test_channels_and_tags_of_the_instance_decide_what_may_be_made(clients: Clients, marketo: Twin) -> None:
    """An own channel and an own tag are read and accepted; others are refused with every finding, before any write."""
    stages = [{"name": "Asked", "step": 1, "success": False}, {"name": "There", "step": 2, "success": True}]
    marketo.post("load", {"tagTypes": [{"name": "Line", "values": ["Tools", "Toys"]}]})
    marketo.post(
        "load", {"programs": [{"name": "P", "type": "Event", "channel": "Own", "progressionStatuses": stages}]}
    )
    programs = clients.marketo().programs

    own = {each.name: each for each in programs.channels()}["Own"]
    line = programs.tag_type("Line")
    with pytest.raises(ConfigurationError) as refused:
        programs.create("X", ROOT, program_type="Event", channel="None", tags=[Tag(tag_type="Line", tag_value="Ships")])
    made = programs.create(
        "X", ROOT, program_type="Event", channel="Own", tags=[Tag(tag_type="Line", tag_value="Toys")]
    )

    assert [(each.name, each.step, each.success) for each in own.progression_statuses] == [
        ("Asked", 1, False),
        ("There", 2, True),
    ]
    assert line is not None
    assert line.allowable_values == ("Tools", "Toys")
    assert "Line" in {each.tag_type for each in programs.tag_types()}
    assert len(refused.value.findings) == 2
    assert len(marketo.calls_of("POST", PROGRAMS)) == 1
    assert made.channel == "Own"


def test_a_name_that_is_taken_is_told_by_its_code(clients: Clients, marketo: Twin, fair: int) -> None:
    """709 for a program; nothing is made."""
    with pytest.raises(PermanentError) as taken:
        clients.marketo().programs.create("Fair", ROOT, program_type="Event", channel="Online Event")
    assert taken.value.code == "709"
    assert len(marketo.get("records/programs")) == 1


def test_tokens_of_a_program_are_set_read_and_deleted(clients: Clients, marketo: Twin, fair: int) -> None:
    """A value with quotes and letters of all kinds is read as it was set."""
    programs = clients.marketo().programs
    place = Folder(id=fair, type="Program")
    token = Token(name="greeting", type="text", value='Hi “Zoë”, "you" & 😀')

    programs.set_token(place, Token(name="greeting", type="text", value="old"))
    programs.set_token(place, token)
    programs.set_token(place, Token(name="year", type="number", value=2026))

    assert {each.name: str(each.value) for each in programs.tokens(place)} == {
        "greeting": token.value,
        "year": "2026",
    }
    programs.delete_token(place, token)
    assert [each.name for each in programs.tokens(place)] == ["year"]


@pytest.mark.cap("M072", "M069")
def test_a_status_moves_forward_only_and_a_second_write_updates(
    clients: Clients, marketo: Twin, fair: int, leads: list[int]
) -> None:
    """301 members are two calls; the same or an earlier status is benign (1037), one that is none is 1025."""
    members = clients.marketo().members

    first = members.set_status(fair, "Invited", leads)
    second = members.set_status(fair, "Attended", leads[:2])
    back = members.set_status(fair, "Invited", [*leads[:2], 999_999_999])
    (unknown,) = members.set_status(fair, "No Such Status", leads[:1])
    found = list(members.by_filter(fair, "statusName", ["Attended"]))

    assert [row.ok for row in first] == [True] * 301
    assert [row.status for row in second] == ["updated"] * 2
    assert [(row.ok, row.code, row.resolution) for row in back] == [
        (True, "1037", Resolution.OK),
        (True, "1037", Resolution.OK),
        (False, "1004", Resolution.REJECT),
    ]
    assert (unknown.ok, unknown.code, unknown.resolution) == (False, "1025", Resolution.FATAL)
    assert [each.lead_id for each in found] == leads[:2]
    assert len(marketo.get("records/programMembers")) == 301, "one membership for each, however often it is written"
    assert len(marketo.calls_of("POST", f"/rest/v1/programs/{fair}/members/status.json")) == 5


@pytest.mark.cap("M071")
def test_a_membership_says_both_ids_and_what_was_asked_for(
    clients: Clients, marketo: Twin, fair: int, leads: list[int]
) -> None:
    """Both ids are on every row over two pages; status, success and its date, who acquired and own fields are read."""
    members = clients.marketo().members
    members.set_status(fair, "Attended", leads)
    members.update(fair, [{"leadId": leads[0], "acquiredBy": True}])
    names = ["statusName", "reachedSuccess", "reachedSuccessDate", "acquiredBy", "isExhausted", "membershipDate"]

    found = list(members.by_filter(fair, "reachedSuccess", [True], names))
    described = {each.name for each in members.describe().fields}

    assert sorted((each.program_id, each.lead_id) for each in found) == [(fair, each) for each in leads]
    first = next(each for each in found if each.lead_id == leads[0])
    assert first.fields.keys() == set(names)
    assert (first.fields["statusName"], first.fields["reachedSuccess"], first.fields["acquiredBy"]) == (
        "Attended",
        True,
        True,
    )
    assert set(names) <= described


@pytest.mark.cap("M070")
def test_stream_cadence_and_exhaustion_are_read_of_engagement_programs_only(
    clients: Clients, marketo: Twin, fair: int, leads: list[int]
) -> None:
    """By the members' own call and beside the lead, as the instance has them; an event's member has neither.

    Of both programs' members the rest is read, too: status, success and its date, since when, acquired by, own fields.
    """
    client = clients.marketo()
    (nurture,) = marketo.post("load", {"programs": [{"name": "Nurture", "type": "Engagement"}]})["programs"]
    warm = {"trackName": "Warm", "nurtureCadence": "pause", "isExhausted": True}
    entry = {"leadId": leads[0], "statusName": "Invited", "acquiredBy": True, "registrationCode": "Ünï 7", "seats": 2}
    marketo.post("load", {"programMembers": [entry | {"programId": nurture} | warm, entry | {"programId": fair}]})

    (member,) = client.members.by_filter(nurture, "leadId", [leads[0]], list(warm))
    (event,) = client.members.by_filter(fair, "leadId", [leads[0]], list(warm))
    (lead,) = client.leads.of_program(nurture, ["id"])
    (guest,) = client.leads.of_program(fair, ["id"])

    client.members.set_status(fair, "Attended", leads[:1])
    rest = ["statusName", "reachedSuccess", "reachedSuccessDate", "membershipDate", "acquiredBy"]
    own = ["registrationCode", "seats"]
    (begun,) = client.members.by_filter(nurture, "leadId", [leads[0]], [*rest, *own])
    (ended,) = client.members.by_filter(fair, "leadId", [leads[0]], [*rest, *own])

    assert [begun.fields[name] for name in (*rest[:3], *own)] == ["Invited", False, None, "Ünï 7", 2]
    assert [ended.fields[name] for name in (*rest[:2], *own)] == ["Attended", True, "Ünï 7", 2]
    assert begun.fields["acquiredBy"] is True
    for at in (begun.fields["membershipDate"], ended.fields["membershipDate"], ended.fields["reachedSuccessDate"]):
        assert datetime.fromisoformat(at).tzinfo is not None
    assert {name: member.fields[name] for name in warm} == warm
    assert {name: event.fields.get(name) for name in warm} == {
        "trackName": None,
        "nurtureCadence": None,
        "isExhausted": False,
    }
    assert {name: lead["membership"].get(name) for name in ("stream", "nurtureCadence", "isExhausted")} == {
        "stream": "Warm",
        "nurtureCadence": "pause",
        "isExhausted": True,
    }
    assert guest["membership"].keys().isdisjoint({"stream", "nurtureCadence"})


def test_members_that_changed_are_read_a_week_at_a_time(
    clients: Clients, marketo: Twin, fair: int, leads: list[int]
) -> None:
    """Changes 20 days apart are both found in one question of a month; what changed before is not."""
    members = clients.marketo().members
    members.set_status(fair, "Invited", leads[:1])
    marketo.post("clock", {"advance_seconds": 86_400})
    start = datetime.fromisoformat(marketo.get("clock")["now"]).astimezone(UTC).replace(microsecond=0)
    members.set_status(fair, "Invited", leads[1:2])
    marketo.post("clock", {"advance_seconds": 20 * 86_400})
    members.set_status(fair, "Invited", leads[2:3])

    found = list(members.changed_between(fair, start, start + timedelta(days=30)))

    assert [each.lead_id for each in found] == leads[1:3]
    assert len(marketo.calls_of("GET", f"/rest/v1/programs/{fair}/members.json")) == 5


def test_fields_are_written_to_members_only_and_members_removed(
    clients: Clients, marketo: Twin, fair: int, leads: list[int]
) -> None:
    """A lead that is no member is 1013 on update and no failure on removal (1037)."""
    members = clients.marketo().members
    members.set_status(fair, "Invited", leads[:1])

    updated = members.update(fair, [{"leadId": each, "acquiredBy": True} for each in leads[:2]])
    removed = members.delete(fair, leads[:2])

    assert [(row.ok, row.code) for row in updated] == [(True, ""), (False, "1013")]
    assert [(row.ok, row.status, row.code) for row in removed] == [(True, "deleted", ""), (True, "skipped", "1037")]
    assert marketo.get("records/programMembers") == []


@pytest.mark.cap("M073", "M075")
def test_a_list_is_made_found_changed_and_deleted(clients: Clients, marketo: Twin, fair: int) -> None:
    """All that a list says is read, in both ways to ask; a name that is taken is 709."""
    lists = clients.marketo().static_lists
    made = lists.create("Guests, “new” 😀", Folder(id=fair, type="Program"), description="d")
    with pytest.raises(PermanentError) as taken:
        lists.create("Guests, “new” 😀", Folder(id=fair, type="Program"))
    lists.update(made.id, name="Guests", description="e")

    found, asset = lists.one(made.id), lists.by_name("Guests")

    assert taken.value.code == "709"
    assert found is not None
    assert asset is not None
    assert (found.id, found.name, found.description, found.program_name) == (made.id, "Guests", "e", "Fair")
    assert found.created_at is not None
    assert found.updated_at is not None
    assert asset.created_at == found.created_at
    assert asset.folder is not None
    assert (asset.folder.number, asset.folder.type) == (fair, "Program")
    assert [each.id for each in lists.all(names=["Guests"])] == [each.id for each in lists.browse()] == [made.id]
    lists.delete(made.id)
    assert (lists.one(made.id), lists.by_name("Guests"), marketo.get("records/staticLists")) == (None, None, [])


@pytest.mark.cap("M074", "M105")
def test_all_lists_and_all_members_are_read(clients: Clients, marketo: Twin, leads: list[int]) -> None:
    """301 lists and 301 members of one of them, over two pages each; memberships are values that can be compared."""
    ids = marketo.post("load", {"staticLists": [{"name": f"L {number}"} for number in range(301)]})["staticLists"]
    marketo.post("load", {"listMembers": [{"listId": ids[0], "leadId": each} for each in leads]})
    lists = clients.marketo().static_lists

    assert [each.id for each in lists.all()] == ids
    members = set(lists.members(ids[0]))
    wanted = {ListMembership(list_id=ids[0], lead_id=each) for each in leads}
    assert members == wanted
    assert wanted - set(lists.members(ids[1])) == wanted


def test_leads_join_and_leave_a_list_with_a_result_for_each(clients: Clients, marketo: Twin, leads: list[int]) -> None:
    """301 are two calls; to add twice and to remove who is not there is no failure, an unknown lead cannot join."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "L"}]})["staticLists"]
    lists = clients.marketo().static_lists

    added = lists.add(list_id, leads)
    again = lists.add(list_id, [leads[0], 999_999_999])
    removed = lists.remove(list_id, leads[1:])
    absent = lists.remove(list_id, [leads[1], 999_999_999])
    asked = lists.are_members(list_id, [*leads, 999_999_999])

    assert [row.id for row in added] == [str(each) for each in leads]
    assert {row.status for row in added} == {"added"}
    assert [(row.ok, row.code) for row in again] == [(True, ""), (False, "1004")]
    assert {row.status for row in removed} == {"removed"}
    assert [(row.ok, row.code) for row in absent] == [(True, "1015"), (True, "1004")]
    assert {each for each, member in asked.items() if member} == {leads[0]}
    assert asked[999_999_999] is False
    assert [each["leadId"] for each in marketo.get("records/listMembers")] == [leads[0]]


@pytest.fixture
def campaigns(marketo: Twin, fair: int) -> dict[str, int]:
    """A trigger campaign, one that is not requestable, one that sleeps and a batch campaign, by name."""
    records = [
        {"name": "Welcome", "programId": fair},
        {"name": "Clicks", "isRequestable": False},
        {"name": "Asleep", "isActive": False},
        {"name": "Mail", "type": "batch", "isActive": True},
    ]
    ids = marketo.post("load", {"smartCampaigns": records})["smartCampaigns"]
    return dict(zip([str(each["name"]) for each in records], ids, strict=True))


def test_only_campaigns_that_can_be_requested_are_listed(
    clients: Clients, marketo: Twin, campaigns: dict[str, int]
) -> None:
    """Active, with the trigger; by name and by id the same; switched on, the sleeping one is there too."""
    group = clients.marketo().campaigns

    assert [each.id for each in group.requestable()] == [campaigns["Welcome"]]
    assert group.by_name("Welcome") == group.one(campaigns["Welcome"])
    assert (group.one(999_999_999), group.by_name("Nobody")) == (None, None)
    group.activate(campaigns["Asleep"])
    assert {each.name for each in group.requestable()} == {"Welcome", "Asleep"}
    group.deactivate(campaigns["Asleep"])
    assert len(list(group.browse())) == 4


def test_leads_are_sent_through_a_campaign_100_at_a_time_with_tokens(
    clients: Clients, marketo: Twin, campaigns: dict[str, int], leads: list[int]
) -> None:
    """101 leads are two requests with the token each; the batch campaign refuses (1003)."""
    group = clients.marketo().campaigns

    results = group.request(campaigns["Welcome"], leads[:101], {"greeting": "Hi “Zoë” 😀"})
    with pytest.raises(PermanentError) as batch:
        group.request(campaigns["Mail"], leads[:1])

    assert [(row.ok, row.status) for row in results] == [(True, "requested")] * 101
    requests = marketo.get("records/campaignRequests")
    assert [each["leads"] for each in requests] == [leads[:100], leads[100:101]]
    assert requests[0]["tokens"] == [{"name": "{{my.greeting}}", "value": "Hi “Zoë” 😀"}]
    assert batch.value.code == "1003"


def test_a_request_without_an_answer_is_not_repeated(
    clients: Clients, marketo: Twin, campaigns: dict[str, int], leads: list[int]
) -> None:
    """The first call's lost answer is doubt; a later one is the doubt of its own leads, and the rest is not sent."""
    path = f"/rest/v1/campaigns/{campaigns['Welcome']}/trigger.json"
    group = clients.marketo().campaigns
    marketo.post("faults", [{"match": f"POST {path}", "nth": 1, "kind": "drop_answer"}])
    with pytest.raises(UncertainWriteError):
        group.request(campaigns["Welcome"], leads[:1])
    marketo.post("faults", [{"match": f"POST {path}", "nth": 2, "kind": "drop_answer"}])

    results = group.request(campaigns["Welcome"], leads[:300])

    assert [row.resolution for row in results[::100]] == [Resolution.OK, Resolution.UNCERTAIN, Resolution.RETRY]
    assert len(marketo.calls_of("POST", path)) == 3


def test_a_batch_campaign_is_scheduled(clients: Clients, marketo: Twin, campaigns: dict[str, int]) -> None:
    """In five minutes or at a time; more than two years ahead is 1042."""
    group = clients.marketo().campaigns
    now = datetime.fromisoformat(marketo.get("clock")["now"]).astimezone(UTC)
    later = (now + timedelta(hours=2)).replace(microsecond=0)

    group.schedule(campaigns["Mail"])
    group.schedule(campaigns["Mail"], run_at=later, tokens={"{{my.year}}": "2026"})
    with pytest.raises(PermanentError) as far:
        group.schedule(campaigns["Mail"], run_at=now + timedelta(days=800))

    requests = marketo.get("records/campaignRequests")
    assert [each["campaignId"] for each in requests] == [campaigns["Mail"]] * 2
    assert datetime.fromisoformat(requests[1]["runAt"]) == later
    assert requests[1]["tokens"] == [{"name": "{{my.year}}", "value": "2026"}]
    assert far.value.code == "1042"


def test_usage_and_errors_are_those_of_the_day(clients: Clients, marketo: Twin) -> None:
    """Calls by user and errors by code, typed; the days before are there as well."""
    client = clients.marketo()
    with pytest.raises(PermanentError):
        client.leads.by_filter("nobodyKnows", ["x"], ["id"])

    (usage,) = client.stats.usage()
    (errors,) = client.stats.errors()

    assert usage.total == sum(each.count for each in usage.users) > 0
    assert errors.total == sum(each.count for each in errors.errors) >= 1
    assert all(each.error_code.isdigit() for each in errors.errors)
    assert client.stats.usage_of_last_days()[-1].date == usage.date
    assert client.stats.errors_of_last_days()[-1].date == errors.date
    assert client.stats.calls_today() >= usage.total
