"""How each reason comes about: a whole Leadbridge on in-memory ports, and the one execution that shows it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from leadbridge.domain.clauses import ListDocument
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.messages import read
from leadbridge.domain.outcome import Reason
from leadbridge.domain.records import Resolution
from leadbridge.domain.webhook import BODY_LIMIT_BYTES, DEPTH_LIMIT
from leadbridge.errors import (
    AuthenticationError,
    DisabledError,
    PermanentError,
    QuotaExhaustedError,
    SyncError,
    TransientError,
)
from leadbridge.vendors.http.rules import ErrorTable
from leadbridge.vendors.marketo.errors import TABLE as MARKETO
from leadbridge.vendors.salesforce.errors import TABLE as SALESFORCE
from tests.builders.actions import an_action
from tests.builders.chains import ChainWorld, a_chained_action, account, follow_up, membership
from tests.builders.connectors import LIST, LIST_ID, ToMarketo, a_connector, a_mail, a_merge, an_upsert, by_email
from tests.builders.events import a_payload, a_sequence, an_execution_id
from tests.builders.imports import Imports
from tests.builders.members import (
    PROGRAM,
    a_form,
    a_member,
    a_member_action,
    a_reading_action,
    a_world,
    hours_ago,
)
from tests.builders.recovery import RecoveryWorld
from tests.builders.world import World
from tests.fakes.door import Door

#: a world and the id of the execution that shows what happened in it
type Happened = tuple[World, str]

ADDRESS = "ada@example.com"
XML, FORM = "application/xml", "application/x-www-form-urlencoded"
PARTS = 2_001


def thin() -> Happened:
    """A call that brings no more than the lead id: what the Action needs is read from Marketo."""
    world = World()
    world.marketo.load(7, email=ADDRESS, firstName="Ada", lastName="Lovelace", company="Engines")
    execution = world.receive_payload({"lead": {"id": 7}})
    world.drain()
    return world, execution


def created() -> Happened:
    """A new person, nothing special."""
    return _run(World())


def updated() -> Happened:
    """A known person, with everything that an Action can have."""
    clauses = [
        {"column": "company", "operator": "is_not_empty"},
        {
            "match": "any",
            "clauses": [
                {"column": "score", "operator": "at_least", "value": 50, "type": "number"},
                {"column": "leadStatus", "operator": "equals", "value": "Open"},
            ],
        },
    ]
    mappings = [
        {"column": "lastName", "to": "LastName", "transforms": [{"type": "trim"}]},
        {"column": "company", "to": "Company"},
        {"column": "phone", "to": "Phone", "blank": "clear"},
        {"column": "title", "to": "Title"},
        {"static": "Marketo", "to": "LeadSource"},
    ]
    action = an_action(
        conditions={"clauses": clauses},
        mappings=mappings,
        deduplicate={"columns": ["email"]},
        duplicate_record_rule={"order_by": "CreatedDate", "choose": "oldest"},
    )
    world = World(action)
    for _ in range(2):
        world.salesforce.load("Lead", Email=ADDRESS)
        world.clock.advance(3600)
    return _run(world, score="plenty", leadStatus="Open", lastName=" Lovelace ")


def condition_not_met() -> Happened:
    """A person whom the condition leaves out, by a list."""
    clauses = [
        {"column": "company", "operator": "is_not_empty"},
        {"column": "email", "operator": "domain_not_in_list", "value": "free-mail"},
        {"column": "score", "operator": "at_least", "value": 50, "type": "number"},
    ]
    world = World(an_action(conditions={"clauses": clauses}))
    members = {"kind": "list", "id": "free-mail", "name": "Free mail", "values": ["example.com"]}
    world.configurations.put(ListDocument.model_validate(members))
    return _run(world)


def chained_failed() -> Happened:
    """A new person with chained objects: one is refused, which stops the one after it."""
    links = [
        account(after="updated"),
        follow_up(),
        membership(on_failure="stop"),
        follow_up(name="reminder"),
    ]
    world = ChainWorld(a_chained_action(*links))
    code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    said = _said(SALESFORCE, code, "bad value for restricted picklist field: ***")
    world.salesforce.trouble.refuse_rows("create", lambda row: "CampaignId" in row, code, message=said)
    return _run(world)


def identifier_missing() -> Happened:
    """A person without an address."""
    return _run(World(), email=" ")


def identifier_invalid() -> Happened:
    """A person with something else in the address."""
    return _run(World(), email="nobody")


def no_match() -> Happened:
    """A person who is not there, for an Action that only updates."""
    return _run(World(an_action(type="update")))


def found() -> Happened:
    """A person who is there, for an Action that only looks."""
    world = World(an_action(type="decide", mappings=[], writeback=None))
    world.salesforce.load("Lead", Email=ADDRESS)
    return _run(world)


def not_found() -> Happened:
    """A person who is not there, for an Action that only looks."""
    return _run(World(an_action(type="decide", mappings=[], writeback=None)))


def duplicate_window() -> Happened:
    """The same person again, a minute later."""
    world = World(an_action(deduplicate={"columns": ["email"]}))
    _run(world)
    world.clock.advance(60)
    return _run(world)


def duplicate_event_id() -> Happened:
    """The same event again."""
    world = World()
    world.receive(7, event_id="order 1", email=ADDRESS)
    world.drain()
    execution = world.receive(7, event_id="order 1", email=ADDRESS)
    world.drain()
    return world, execution


def duplicate_recovered() -> Happened:
    """A call that came so late that it was taken for lost, and run in its place."""
    world = RecoveryWorld()
    world.start()
    world.later()
    late = world.call(7, arrives=False)
    world.later()
    world.recover_calls()()
    world.run_out()
    world.store(late)
    return world, late.execution_id


def lead_unknown() -> Happened:
    """A call that brings little, about a person whom Marketo does not have any more."""
    world = World(an_action(conditions={"clauses": [{"column": "company", "operator": "is_not_empty"}]}))
    execution = world.receive_payload({"lead": {"id": 7}})
    del world.marketo.leads[7]
    world.drain()
    return world, execution


def overtaken() -> Happened:
    """An older event that comes to run after a newer one."""
    world = World()
    noon = world.clock.now()
    world.clock.advance(60)
    _run(world)
    execution = world.receive(7, email=ADDRESS, at=noon)
    world.drain()
    return world, execution


def ambiguous_match() -> Happened:
    """Two records of one address and no rule."""
    world = World()
    for _ in range(2):
        world.salesforce.load("Lead", Email=ADDRESS)
    return _run(world)


def value_invalid() -> Happened:
    """A word where a number belongs."""
    return _run(_mapped({"column": "score", "to": "AnnualRevenue"}), score="plenty")


def value_missing() -> Happened:
    """A blank where the mapping wants a value."""
    return _run(_mapped({"column": "title", "to": "Title", "blank": "fail"}), title=" ")


def rule_failed() -> Happened:
    """A rule that cannot read what it is given."""
    rule = {"type": "number_parse"}
    return _run(_mapped({"column": "score", "to": "NumberOfEmployees", "transforms": [rule]}), score="plenty")


def uncertain() -> Happened:
    """A create whose answer is lost, while somebody else makes a record of the same address."""
    world = World(an_action(type="create"))
    world.salesforce.trouble.lose_answer("create")
    away = TransientError("away", vendor="salesforce", operation="find", code="http_503")
    world.salesforce.trouble.fail("find", away, nth=2)  # the look at once
    execution = world.receive(7, email=ADDRESS)
    world.drain(remaining=lambda: 152.0)
    world.salesforce.load("Lead", Email=ADDRESS)
    world.clock.advance(6)
    world.run_out()
    return world, execution


def unknown_version() -> Happened:
    """A call that a newer version stored."""
    world = World()
    return world, world.receive_payload(a_payload(7), version=99)


def action_missing() -> Happened:
    """A call for an Action that was removed meanwhile."""
    world = World()
    return world, world.receive_payload(a_payload(7), action_id="retired")


def worker_crashed() -> Happened:
    """A call during which the worker died twice."""
    world = World()
    execution = world.receive(7, email=ADDRESS)
    for key, event in world.inbox.waiting.items():
        world.inbox.waiting[key] = event.evolve(crashes=2)
    world.drain()
    return world, execution


def mapping_broken() -> Happened:
    """An Action whose list is gone."""
    clause = {"column": "email", "operator": "domain_not_in_list", "value": "free-mail"}
    return _run(World(an_action(conditions={"clauses": [clause]})))


def activity_type_missing() -> Happened:
    """An Action that takes values from a custom activity whose type was deleted."""
    return _run(World(a_reading_action()))


def connection_disabled() -> Happened:
    """A connection that somebody disabled."""
    error = DisabledError("salesforce-demo", vendor="salesforce", operation="find", code="disabled")
    return _failing("find", error)


def trial() -> Happened:
    """A person with whom the Action is not tried."""
    world = World(an_action(trial={"leads": [8]}))
    world.configurations.move("action", "person-to-lead", Move.TRY)
    return _run(world)


def trial_list_missing() -> Happened:
    """An Action that is tried with the members of a list that somebody renamed."""
    world = World(an_action(trial={"static_list": "Pilot group"}))
    world.configurations.move("action", "person-to-lead", Move.TRY)
    return _run(world)


def action_paused() -> Happened:
    """A call for an Action that is paused."""
    world = World()
    world.configurations.move("action", "person-to-lead", Move.PAUSE)
    return _run(world)


def connection_paused() -> Happened:
    """A call that would write through a connection that is paused."""
    world = World()
    world.configurations.move("salesforce_connection", "salesforce-demo", Move.PAUSE)
    return _run(world)


def all_paused() -> Happened:
    """A call while all Actions are paused."""
    world = World()
    world.configurations.pause(paused=True)
    return _run(world)


def not_processed() -> Happened:
    """A person whom the Action skips, where what is not processed is logged, too."""
    results = an_action().model_dump(exclude_none=True)["results"] | {"not_processed": "Not processed"}
    return _run(World(an_action(type="update", results=results)))


def not_active() -> Happened:
    """A call for an Action that is not active."""
    door = Door()
    door.table.items["person-to-lead"]["active"] = {"BOOL": False}
    return _called(door)


def body_too_large() -> Happened:
    """A body beyond the limit."""
    return _called(Door(), json.dumps({"lead": {"id": 7, "x": "x" * BODY_LIMIT_BYTES}}))


def body_not_json() -> Happened:
    """A template that forgot a comma."""
    return _called(Door(), '{"lead": {"id": 7 "email": ""}}')


def body_not_xml() -> Happened:
    """A template that closes nothing."""
    return _called(Door(), "<event><lead><id>7</id></event>", XML)


def body_not_form() -> Happened:
    """A name twice."""
    return _called(Door(), "lead.id=7&lead.id=8", FORM)


def body_too_many() -> Happened:
    """More names than any template has."""
    return _called(Door(), "&".join(f"lead.f{number}=" for number in range(PARTS)), FORM)


def content_type_unknown() -> Happened:
    """A body that says to be a picture."""
    return _called(Door(), "x", "image/png")


def body_too_deep() -> Happened:
    """A body of brackets."""
    return _called(Door(), "[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1))


def body_not_text() -> Happened:
    """A body in another encoding."""
    return _called(Door(), '{"lead": {"id": 7, "firstName": "Zoë"}}'.encode("latin-1"))


def lead_missing() -> Happened:
    """A body without a lead."""
    return _called(Door(), '{"campaign": {"id": 1}}')


def lead_id_invalid() -> Happened:
    """A token that was not filled."""
    return _called(Door(), '{"lead": {"id": "{{lead.Id}}"}}')


def field_invalid() -> Happened:
    """A text where an object belongs."""
    return _called(Door(), '{"lead": {"id": 7}, "campaign": "Welcome"}')


# -- what vendors say; their codes are not ours to list, so of each kind one


def vendor_refused() -> Happened:
    """A record that Salesforce does not take."""
    world = World()
    said = _said(SALESFORCE, "STRING_TOO_LONG", "LastName: data value too large: (masked) (max length=80)")
    world.salesforce.trouble.refuse_rows("upsert", lambda _: True, "STRING_TOO_LONG", message=said)
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "STRING_TOO_LONG", message=said)
    return _run(world)


def owner_refused() -> Happened:
    """A record whose new owner may not see it."""
    world = World()
    world.salesforce.load("Lead", Email=ADDRESS)
    said = _said(SALESFORCE, "TRANSFER_REQUIRES_READ", "The new owner must have read permission")
    world.salesforce.trouble.refuse_rows("update", lambda _: True, "TRANSFER_REQUIRES_READ", message=said)
    return _run(world)


def vendor_waiting() -> Happened:
    """A vendor that is away for a moment."""
    said = _said(SALESFORCE, "SERVER_UNAVAILABLE", "")
    return _failing("find", TransientError(said, vendor="salesforce", operation="find", code="SERVER_UNAVAILABLE"))


def vendor_quota() -> Happened:
    """A spent quota."""
    said = _said(SALESFORCE, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    resets = World().clock.now() + timedelta(hours=20)
    code = "REQUEST_LIMIT_EXCEEDED"
    return _failing(
        "find", QuotaExhaustedError(said, resets_at=resets, vendor="salesforce", operation="find", code=code)
    )


def vendor_login() -> Happened:
    """A login that is refused."""
    said = _said(SALESFORCE, "INVALID_SESSION_ID", "Session expired or invalid")
    return _failing(
        "find", AuthenticationError(said, vendor="salesforce", operation="login", code="INVALID_SESSION_ID")
    )


def member() -> Happened:
    """A person who filled out a form a while ago, and becomes a member of a program."""
    mapping = {"column": "activity.Form Fields", "to": "Title"}
    mappings = [*an_action().model_dump(exclude_none=True)["mappings"], mapping]
    world = a_world(a_member_action(activity={"type": "Fill Out Form", "days": 3}, mappings=mappings))
    world.marketo.log(a_form(7, hours_ago(world, 30)))
    return _run(world)


def member_before() -> Happened:
    """A person without a form, who is in the program and past the status."""
    world = a_world(a_member_action(a_member(mappings=[]), activity={"type": "Fill Out Form"}))
    world.marketo.members[PROGRAM, 7] = {"statusName": "Attended"}
    return _run(world)


def program_gone() -> Happened:
    """A program that was deleted in Marketo."""
    world = a_world(a_member_action())
    world.marketo.programs.clear()
    return _run(world)


def writeback_refused() -> Happened:
    """A person who was deleted in Marketo while Salesforce was written to."""
    world = World()
    said = _said(MARKETO, "1004", "Lead not found")
    world.marketo.trouble.refuse_rows("sync_leads", lambda _: True, "1004", message=said, resolution=Resolution.REJECT)
    return _run(world)


def person_unknown() -> Happened:
    """Nobody has the address, and the Action adds nobody."""
    return _to_marketo(a_connector(person=by_email()), email=ADDRESS)


def persons_ambiguous() -> Happened:
    """Two persons have the address."""
    return _to_marketo(a_connector(person=by_email()), 7, 8, email=ADDRESS)


def person_overtaken() -> Happened:
    """A newer call of the person was written while this one was parked."""
    world = _marketo(an_upsert(), 7)
    error = PermanentError("no access", vendor="marketo", operation="sync_leads", code="603")
    world.marketo.trouble.fail("sync_leads", error)
    execution = world.call(email=ADDRESS, firstName="Ada")
    world.drain()
    world.clock.advance(1)
    world.call(email=ADDRESS, firstName="Augusta")
    world.drain()
    world.redrive(execution)
    world.drain()
    return world, execution


def requested() -> Happened:
    """A campaign takes the person."""
    return _to_marketo(a_mail(), 7, id=7)


def request_uncertain() -> Happened:
    """The answer to a request was lost, and Marketo's log does not show it."""
    world = _marketo(a_mail(), 7)
    world.marketo.trouble.lose_answer("request_campaign", committed=False, late_seconds=1e8)
    execution = world.call(id=7)
    world.run_out()
    return world, execution


def winner_changed() -> Happened:
    """The CRM kept the loser of a merge."""
    world = _marketo(a_merge(), 7, 8)
    world.marketo.crm_keeps = 8
    execution = world.call(winner=7, losers="8")
    world.drain()
    return world, execution


def list_missing() -> Happened:
    """The list was renamed."""
    return _to_marketo(a_connector(list="Gone"), 7, id=7)


def campaign_missing() -> Happened:
    """The campaign was renamed."""
    return _to_marketo(a_mail(campaign="Gone"), 7, id=7)


def importing() -> Happened:
    """A file of two people is on its way."""
    world = Imports()
    execution = world.call(email=ADDRESS, firstName="Ada")
    world.call(email="bob@example.com", firstName="Bob")
    world.minute()
    return world, execution


def imported() -> Happened:
    """Marketo imported the file."""
    return _import(ADDRESS)


def import_warned() -> Happened:
    """Marketo imported the row and minds something."""
    return _import("odd@example.com")


def import_refused() -> Happened:
    """Marketo did not import the row."""
    return _import("bad@example.com")


def _import(address: str) -> Happened:
    world = Imports()
    world.bulk.reason = "Invalid value for the field leadScore"
    world.bulk.warning = f"Invalid email address '{address}'"
    execution = world.call(email=address, firstName="Ada")
    world.call(email="bob@example.com", firstName="Bob")
    world.run_out()
    return world, execution


def removed_before() -> Happened:
    """Somebody who is not in the list is to be removed from it."""
    return _to_marketo(a_connector(operation="remove_from_list"), 7, id=7)


def in_batch() -> Happened:
    """Three of twenty people are there."""
    world = _marketo(a_connector(batch={"count": 20, "seconds": 600}), 7, 8, 9)
    executions = [world.call(id=number) for number in (7, 8, 9)]
    world.drain()
    return world, executions[1]


def sent_in_batch() -> Happened:
    """The third of three people came."""
    world = _marketo(a_connector(batch={"count": 3}), 7, 8, 9)
    executions = [world.call(id=number) for number in (7, 8, 9)]
    world.drain()
    return world, executions[0]


def sent_twice() -> Happened:
    """Another system sends a call again, with its event id."""
    world = _marketo(an_upsert(), 7)
    executions = [world.call(email=ADDRESS, firstName="Ada", event_id="order-1") for _ in range(2)]
    world.drain()
    return world, executions[1]


def _to_marketo(action: ConnectorAction, *people: int, **lead: Any) -> Happened:
    world = _marketo(action, *people)
    execution = world.call(**lead)
    world.drain()
    return world, execution


def _marketo(action: ConnectorAction, *people: int) -> ToMarketo:
    world = ToMarketo(action)
    world.marketo.lists[LIST] = (LIST_ID, set())
    world.marketo.load(*people, email=ADDRESS)
    return world


#: what happens without a reason of ours
BESIDE: Mapping[str, Callable[[], Happened]] = {
    each.__name__: each
    for each in (
        created,
        updated,
        thin,
        member,
        member_before,
        program_gone,
        vendor_refused,
        owner_refused,
        vendor_waiting,
        vendor_quota,
        vendor_login,
        writeback_refused,
        not_processed,
        removed_before,
        sent_in_batch,
        sent_twice,
    )
}
#: how each reason comes about
REASONS: Mapping[str, Callable[[], Happened]] = {
    reason.value: globals()[reason.value] for reason in Reason if reason.value in globals()
}


def _said(table: ErrorTable, code: str, text: str) -> str:
    """What a client says of a code and the vendor's text."""
    return table.rule(code, text).told(text)


def _run(world: World, **lead: Any) -> Happened:
    execution = world.receive(7, **{"email": ADDRESS} | lead)
    world.drain()
    return world, execution


def _mapped(*mappings: dict[str, Any]) -> World:
    return World(an_action(mappings=[*an_action().model_dump(exclude_none=True)["mappings"], *mappings]))


def _failing(operation: str, error: SyncError) -> Happened:
    world = World()
    world.salesforce.trouble.fail(operation, error, times=100)
    execution = world.receive(7, email=ADDRESS)
    world.drain(remaining=lambda: 152.0)
    return world, execution


def _called(door: Door, body: bytes | str | None = None, content_type: str = "") -> Happened:
    """A call at the door, and what is stored of it."""
    door.call(body, content_type=content_type)
    (sent,) = door.queue.sent
    world = World()
    # the id is drawn by lot
    arrival = replace(read(sent), execution_id=an_execution_id(1), sequence=a_sequence(1))
    world.store_events()([("message 1", arrival)])
    return world, arrival.execution_id
