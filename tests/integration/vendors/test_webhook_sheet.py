"""The sheet, pasted into the Marketo twin: a campaign calls the receive path with it, in every encoding.

The receive path stands behind a small server that does what the gateway does; its queue is in memory.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from leadbridge.domain.action import Action
from leadbridge.domain.webhook import payload_hash
from leadbridge.domain.webhook_sheets import ENCODINGS, Encoding, Instance, Sheet, sheet
from tests.builders.actions import an_action_document
from tests.builders.encodings import VALUES
from tests.fakes.door import ACTION, Door
from tests.gateway import serving
from tests.integration.vendors.conftest import Clients, Twin

type Load = Callable[..., list[int]]

CAMPAIGN, PROGRAM = 50, 70
EVENT_DATE = "9 March + one day\nat noon"
COLUMNS = {
    "firstName": "FirstName",
    "lastName": "LastName",
    "company": "Company",
    "title": "Title",
    "notes": "Description",
    "isCustomer": "Opt_In__c",
    "token.my.Event Date": "Event__c",
    "token.trigger.Name": "Form__c",
}
#: a person for each pair of values that get lost elsewhere
PEOPLE = [
    {
        "email": "ada+1@example.com",
        "firstName": value,
        "lastName": f"[{value}]",
        "company": VALUES["markup"],
        "notes": VALUES["multi-line"],
    }
    for value in VALUES.values()
]


@pytest.fixture
def door() -> Door:
    """A receiver with one active Action."""
    return Door()


@pytest.fixture
def api_url(door: Door) -> Iterator[str]:
    """Where the receiver is reached."""
    with serving(lambda event: door.receiver(event).as_proxy()) as url:
        yield url


@pytest.fixture
def load(marketo: Twin) -> Load:
    """Loads people into an instance with a trigger campaign in a program; gives their lead ids."""
    marketo.post(
        "load",
        {
            "programs": [{"id": PROGRAM, "name": "Fair & Square"}],
            "smartCampaigns": [{"id": CAMPAIGN, "name": "Hot + new", "programId": PROGRAM}],
        },
    )
    return lambda *people: list(marketo.post("load", {"leads": list(people)})["leads"])


@pytest.fixture
def instance(clients: Clients, marketo: Twin) -> Instance:
    """What Describe tells of the twin."""
    leads = clients.marketo()
    return Instance(leads=leads.describe_leads(), soap_names=leads.leads.soap_names())


def an_action() -> Action:
    """An Action that reads lead and company fields, a number's and a boolean's, a My Token and a trigger token."""
    mappings = [{"column": "email", "to": "Email"}, *({"column": column, "to": to} for column, to in COLUMNS.items())]
    return Action.model_validate(an_action_document(mappings=mappings))


def run(marketo: Twin, made: Sheet, leads: list[int]) -> list[dict[str, Any]]:
    """Paste a sheet into the instance and run a trigger campaign over people; gives its calls."""
    marketo.post("webhooks", made.document())
    marketo.post("campaigns/flow", {"campaign": CAMPAIGN, "steps": [{"webhook": made.name}]})
    ran = marketo.post(
        "campaigns/run",
        {"campaign": CAMPAIGN, "leads": leads, "trigger": {"Name": "Form 1"}, "tokens": {"event date": EVENT_DATE}},
    )
    calls: list[dict[str, Any]] = ran["calls"]
    return calls


def pasted(instance: Instance, api_url: str, encoding: Encoding, maps: Mapping[str, str] | None = None) -> Sheet:
    """The sheet in one encoding, with the key."""
    made = sheet(an_action(), instance, api_url=api_url, encoding=encoding, key=Door.key(ACTION), maps=maps or {})
    assert isinstance(made, Sheet), made
    return made


def expected(lead_id: int, person: Mapping[str, Any]) -> dict[str, Any]:
    """The payload that a person's call gives: text throughout, as Marketo quotes every token."""
    lead = {"title": "", "isCustomer": "false", **person}
    return {
        "lead": {"id": lead_id, **{name: str(value) for name, value in lead.items()}},
        "campaign": {"id": str(CAMPAIGN), "name": "Hot + new"},
        "program": {"id": str(PROGRAM), "name": "Fair & Square"},
        "token": {"my.Event Date": EVENT_DATE, "trigger.Name": "Form 1"},
    }


@pytest.mark.cap("M162")
@pytest.mark.pain("P06")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_whatever_people_typed_arrives_intact_through_the_sheet(
    marketo: Twin, load: Load, instance: Instance, api_url: str, door: Door, encoding: Encoding
) -> None:
    """Blank, quoted, multi-line, unicode and "+" values, markup and percent signs reach the queue as they were typed,
    through the template that the sheet gives, in each encoding."""
    calls = run(marketo, pasted(instance, api_url, encoding), load(*PEOPLE))

    assert [(each["status"], each["error"]) for each in calls] == [(200, "")] * len(PEOPLE)
    # the instance holds many calls open at once, so they arrive in any order
    arrived = {message["payload"]["lead"]["id"]: message["payload"] for message in door.messages}
    assert arrived == {
        each["lead_id"]: expected(each["lead_id"], person) for each, person in zip(calls, PEOPLE, strict=True)
    }


def worded(value: Any) -> Any:
    """A payload with every value as the text that it is in a form."""
    if isinstance(value, Mapping):
        return {name: worded(each) for name, each in value.items()}
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("bare", "seen_as"),
    [
        pytest.param(False, lambda payload: payload, id="all tokens quoted"),
        pytest.param(True, worded, id="numbers bare"),
    ],
)
def test_one_person_is_one_payload_in_all_encodings(
    marketo: Twin, load: Load, instance: Instance, api_url: str, door: Door, bare: bool, seen_as: Callable[[Any], Any]
) -> None:
    """The same person through the four sheets gives four messages with one payload hash; where an instance leaves
    numbers and booleans without quotes in JSON, they differ in their JSON type alone."""
    marketo.post("limits", {"webhook_bare_numbers": bare})
    leads = load({"email": "ada+1@example.com", "firstName": VALUES["quoted"], "isCustomer": True})

    calls = [call for encoding in ENCODINGS for call in run(marketo, pasted(instance, api_url, encoding), leads)]

    assert [call["status"] for call in calls] == [200] * len(ENCODINGS)
    payloads = [message["payload"] for message in door.messages]
    assert len(payloads) == len(ENCODINGS)
    assert len({payload_hash(seen_as(payload)) for payload in payloads}) == 1


def test_the_answer_reaches_the_field_that_the_sheet_maps_it_to(
    marketo: Twin, load: Load, instance: Instance, api_url: str, door: Door
) -> None:
    """A response mapping by the sheet's SOAP name keeps the execution id with the person, without an API call."""
    calls = run(marketo, pasted(instance, api_url, "xml", {"execution_id": "externalKey"}), load(*PEOPLE[:2]))

    written = {each["lead_id"]: each["mapped"] for each in calls}
    assert written == {
        message["payload"]["lead"]["id"]: {"externalKey": message["execution_id"]} for message in door.messages
    }
    assert {each["externalKey"] for each in marketo.get("records/leads")} == {
        message["execution_id"] for message in door.messages
    }


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_sheet_without_its_key_opens_nothing(
    marketo: Twin, load: Load, instance: Instance, api_url: str, door: Door, encoding: Encoding
) -> None:
    """Pasted without the key, a webhook is refused in every encoding, and nothing is recorded."""
    made = sheet(an_action(), instance, api_url=api_url, encoding=encoding)
    assert isinstance(made, Sheet)

    calls = run(marketo, made, load(PEOPLE[0]))

    assert [(each["status"], each["error"]) for each in calls] == [(401, "Unauthorized")]
    assert door.messages == []
