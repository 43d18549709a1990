"""A Marketo program with its channel, a standard activity type, and Actions that name them."""

from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.marketo import ActivityAttribute, ActivityType, Channel, Program, ProgressionStatus
from leadbridge.domain.records import Activity
from tests.builders.actions import an_action, an_action_document
from tests.builders.world import World

PROGRAM = 1042
FAIR = Program(id=PROGRAM, name="Fair, spring", type="Event", channel="Tradeshow")
STATUSES = ("Invited", "Registered", "Attended")
CHANNEL = Channel(
    id=5,
    name="Tradeshow",
    progression_statuses=tuple(
        ProgressionStatus(name=name, step=10 * place) for place, name in enumerate(STATUSES, start=1)
    ),
)
FORM = ActivityType(
    id=2,
    name="Fill Out Form",
    primary_attribute=ActivityAttribute(name="Webform ID", data_type="integer"),
    attributes=(ActivityAttribute(name="Form Fields"), ActivityAttribute(name="Referrer URL")),
)


def a_member(**changes: Any) -> dict[str, Any]:
    """A program member sync that writes two fields, one of which only the write tells."""
    mappings = [{"execution": "salesforce_id", "to": "registrationCode"}, {"column": "score", "to": "seats"}]
    return {"program": PROGRAM, "status": "Registered", "mappings": mappings} | changes


def a_member_action(member: dict[str, Any] | None = None, **changes: Any) -> Action:
    """An Action with it."""
    return an_action(program_member=member or a_member(), **changes)


def a_reading_action(days: int | None = None, **changes: Any) -> Action:
    """An Action that takes a title and a source from the newest form of the person."""
    mappings = [
        *(each for each in an_action_document()["mappings"] if each["to"] != "LeadSource"),
        {"column": "activity.Form Fields", "to": "Title"},
        {"template": "Form {{activity.Webform ID}}", "to": "LeadSource"},
    ]
    activity = {"type": FORM.name} | ({} if days is None else {"days": days})
    return an_action(**{"activity": activity, "mappings": mappings} | changes)


def a_world(*actions: Action) -> World:
    """A world whose Marketo has the program and the activity type."""
    world = World(*actions)
    world.marketo.programs[PROGRAM] = FAIR
    world.marketo.channels[CHANNEL.name] = CHANNEL
    world.marketo.activity_kinds.append(FORM)
    return world


def a_form(lead_id: int, at: datetime, fields: str = "Countess", *, form: str = "Contact us") -> Activity:
    """A form that a person filled out."""
    return Activity(
        marketo_guid=f"form-{lead_id}-{fields}",
        lead_id=lead_id,
        activity_type_id=FORM.id,
        activity_date=at,
        primary_attribute_value=form,
        primary_attribute_value_id=9,
        attributes={"Form Fields": fields, "Referrer URL": None},
    )


def hours_ago(world: World, hours: float) -> datetime:
    """A moment before the world's present."""
    return world.clock.now() - timedelta(hours=hours)
