"""Which activity is taken, and which columns it is."""

from datetime import timedelta

from leadbridge.domain import activity_columns
from leadbridge.domain.marketo import ActivityAttribute, ActivityType
from tests.builders.events import a_payload, an_event
from tests.builders.members import FORM, a_form, a_reading_action
from tests.fakes.clock import NOON

HOUR = timedelta(hours=1)


def test_the_newest_of_the_person_in_time_is_taken() -> None:
    """Of four activities only one is the person's, at most a day older than the call, and the newest; of one second
    the last that Marketo shows."""
    event = an_event(payload=a_payload(7))
    logged = [
        a_form(7, NOON - 25 * HOUR, "old"),
        a_form(7, NOON - 3 * HOUR, "first"),
        a_form(7, NOON - 2 * HOUR, "second"),
        a_form(7, NOON - 2 * HOUR, "of the same second"),
        a_form(8, NOON - HOUR, "another person's"),
    ]

    found = activity_columns.newest(event, a_reading_action(), logged)

    assert found is not None
    assert found.attributes["Form Fields"] == "of the same second"
    assert activity_columns.newest(event, a_reading_action(), logged[:1]) is None
    assert activity_columns.newest(event, a_reading_action(days=2), logged[:1]) == logged[0]


def test_attributes_are_columns_by_their_names() -> None:
    """The primary attribute, the others, and four columns of every activity; a list is one text."""
    kind = ActivityType(
        id=100_002,
        name="Booked Demo",
        api_name="bookedDemo_c",
        status="approved",
        primary_attribute=ActivityAttribute(name="Demo", api_name="demo"),
        attributes=(ActivityAttribute(name="Guests", api_name="guests"), ActivityAttribute(name="Place")),
    )
    form = a_form(7, NOON)
    found = activity_columns.columns(kind, form)

    assert found == {
        "activity.Demo": "Contact us",
        "activity.demo": "Contact us",
        "activity.Guests": None,
        "activity.guests": None,
        "activity.Place": None,
        "activity.Form Fields": "Countess",
        "activity.Referrer URL": None,
        "activity.marketoGUID": "form-7-Countess",
        "activity.activityDate": "2026-03-02T12:00:00.000Z",
        "activity.primaryAttributeValue": "Contact us",
        "activity.primaryAttributeValueId": 9,
    }
    assert set(activity_columns.columns(FORM, None).values()) == {None}
    assert activity_columns.type_named("bookedDemo_c", [FORM, kind]) == kind
    assert activity_columns.type_named("Booked demo", [FORM, kind]) is None


def test_only_what_the_action_reads_is_kept() -> None:
    """Beside the attributes of its mappings only the id of the activity is stored with the call."""
    found = activity_columns.columns(FORM, a_form(7, NOON))

    assert activity_columns.kept(a_reading_action(), found) == {
        "activity.Form Fields": "Countess",
        "activity.Webform ID": "Contact us",
        "activity.marketoGUID": "form-7-Countess",
    }


def test_a_draft_of_a_type_is_a_finding() -> None:
    """A custom type that is not approved has no activities yet."""
    kind = ActivityType(id=100_002, name=FORM.name, status="draft", attributes=FORM.attributes)

    (finding, *_) = activity_columns.check_activity(a_reading_action(), [kind])

    assert finding == "activity.type: the activity type Fill Out Form is a draft; approve it in Marketo"
