"""The document of a CRM cycle, and its pairs of fields bound to what both systems describe."""

from collections.abc import Iterable, Mapping
from datetime import UTC
from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.domain.crm_cycle import CrmCycle, CycleField
from leadbridge.domain.cycle_checks import cycle_lines
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.linked import Found, merge_pair
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import Inputs
from leadbridge.domain.three_way import Side
from tests.builders.cycles import a_cycle
from tests.fakes.clock import NOON

DEAL = {"marketo": "name", "salesforce": "Name"}
DEAL_NAME = {"name": "Name"}
NAME = {"marketo": "firstName", "salesforce": "FirstName"}
PERSONS: dict[str, Any] = {"id_field": "crmId", "leads": {"fields": [NAME]}}


def document(**members: Any) -> dict[str, Any]:
    """A cycle of Leads."""
    base = {"kind": "crm_cycle", "id": "main", "name": "Main", "marketo": "marketing", "salesforce": "crm"}
    return {**base, "mode": "replace_native", "persons": PERSONS, **members}


def test_what_a_document_does_not_say_harms_least() -> None:
    """Salesforce is right, blanks empty nothing, nothing is deleted, no Lead is made, cycles lie five minutes apart."""
    cycle = CrmCycle.model_validate(document())
    assert cycle.persons is not None
    assert cycle.persons.leads is not None
    (pair,) = cycle.persons.leads.pairs
    assert (pair.direction, pair.conflict, pair.blank) == ("both", None, "keep")
    assert pair.policy.conflict == "salesforce"
    assert (cycle.persons.create_in_salesforce, cycle.persons.deleted_in_marketo) == ("never", "ignore")
    assert cycle.gap_minutes == 5


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"persons": None}, "needs at least one of `sales_persons`, `companies`, `persons`"),
        ({"persons": {"id_field": "crmId"}}, "needs `leads`, `contacts`, or both"),
        (
            {"mode": "beside_native", "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}]}},
            "is read-only beside Marketo's own CRM sync; remove it, or say `mode: replace_native`",
        ),
        (
            {"opportunities": {"fields": [{"marketo": "stage", "salesforce": "StageName"}]}},
            "fields: needs a pair of `name`, without which Marketo takes no opportunity",
        ),
        (
            {"opportunities": {"fields": [DEAL, {"marketo": "isWon", "salesforce": "IsWon"}]}},
            "fields: isWon of an opportunity is kept by the cycle; remove it",
        ),
        (
            {"opportunities": {"fields": [{**DEAL, "direction": "both"}]}},
            "opportunities go from Salesforce to Marketo only; remove `direction`",
        ),
        ({"mode": "beside_native", "opportunities": {"fields": [DEAL]}}, "opportunities: is read-only beside"),
        ({"opportunity_roles": {}}, "opportunity_roles: needs `opportunities`, in which the roles are"),
        (
            {"opportunities": {"fields": [DEAL], "won": {"leave": [1]}}},
            "opportunities.won: needs `opportunity_roles`, which tell whose Opportunity it is",
        ),
        ({"opportunities": {"fields": [DEAL], "won": {}}}, "give `leave`, `join`, or both"),
        (
            {"opportunities": {"fields": [DEAL], "lost": {"leave": [1], "join": {"program": 1, "status": "In"}}}},
            "`join` and `leave` name the same program 1",
        ),
        ({"programs": {"groups": {"a": {"program": 1}}}}, "groups.a: needs a `campaign`, or a `campaign_key`"),
        (
            {"persons": None, "programs": {"campaign_key": "Key__c", "groups": {"a": {"program": 1}}}},
            "programs: their members are people whom the cycle links; give `persons`, too",
        ),
        (
            {"persons": {**PERSONS, "contacts": None}, "opportunities": {"fields": [DEAL]}, "opportunity_roles": {}},
            "opportunity_roles: needs `persons.contacts`, who have the roles",
        ),
        (
            {
                "persons": {**PERSONS, "contacts": {"fields": [NAME]}},
                "opportunities": {"fields": [DEAL], "deleted_in_salesforce": "delete"},
                "opportunity_roles": {"deleted_in_salesforce": "ignore"},
            },
            "Marketo deletes no opportunity that has roles; say `delete`",
        ),
        (
            {"opportunities": {"fields": [DEAL], "stage_field": "stage"}},
            "opportunities.stage_field: needs `opportunity_roles`, which tell whose stage it is",
        ),
        (
            {
                "persons": {**PERSONS, "contacts": {"fields": [NAME]}},
                "opportunities": {"fields": [DEAL], "stage_field": NAME["marketo"]},
                "opportunity_roles": {},
            },
            f"opportunities.stage_field: {NAME['marketo']} is kept otherwise; name another",
        ),
        (
            {"persons": {**PERSONS, "on_conversion": {"crmId": "x"}}},
            "on_conversion: crmId of a Contact's person comes from elsewhere; remove it",
        ),
        (
            {"persons": {**PERSONS, "contacts": {"fields": [{"marketo": "crmId", "salesforce": "Id"}]}}},
            "crmId links records and is kept by the cycle; remove it",
        ),
        (
            {"persons": {**PERSONS, "leads": {"fields": [NAME, {"marketo": "firstname", "salesforce": "Nick__c"}]}}},
            "firstname of marketo stands there twice; keep one line for each field",
        ),
    ],
)
def test_a_document_that_cannot_work_is_told_what_to_change(members: dict[str, Any], said: str) -> None:
    """Each finding names the remedy."""
    with pytest.raises(ValidationError, match=said):
        CrmCycle.model_validate(document(**members))


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"blank": "default"}, "`default` goes with `blank: default`"),
        ({"marketo": "unsubscribed", "blank": "clear"}, "a consent field is never emptied"),
        ({"direction": "to_marketo", "conflict": "newest"}, "a field that goes one way has no conflicts"),
        ({"direction": "to_marketo", "to_salesforce": [{"type": "trim"}]}, "`to_salesforce` has no effect"),
    ],
)
def test_a_pair_that_contradicts_itself_is_refused(members: dict[str, Any], said: str) -> None:
    """Nothing that a person writes is without effect."""
    with pytest.raises(ValidationError, match=said):
        CycleField.model_validate({**NAME, **members})


def test_consent_is_known_by_marketos_field_or_said() -> None:
    """Marketo's own opt-outs need no word; a field of one's own does, and either may be said otherwise."""
    assert CycleField(marketo="unsubscribed", salesforce="HasOptedOutOfEmail").policy.consent
    assert CycleField(marketo="noMail__c", salesforce="No_Mail__c", consent=True).policy.consent
    assert not CycleField(marketo="unsubscribed", salesforce="Gone__c", consent=False).policy.consent


def described(name: str, *fields: FieldDescription) -> ObjectDescription:
    """An object of these fields."""
    return ObjectDescription(name=name, fields={field.name: field for field in fields})


LEADS = described(
    "leads",
    FieldDescription(name="firstName", type="string", length=5),
    FieldDescription(name="leadScore", type="integer"),
    FieldDescription(name="made", type="datetime", updateable=False, createable=False),
)
LEAD = described(
    "Lead",
    FieldDescription(name="FirstName", type="string", length=40),
    FieldDescription(name="Score__c", type="double"),
    FieldDescription(name="Rank__c", type="double", calculated=True, updateable=False, createable=False),
    FieldDescription(name="CreatedDate", type="datetime", updateable=False, createable=False),
)
SIDES = {Side.MARKETO: LEADS, Side.SALESFORCE: LEAD}


def test_pairs_are_bound_to_the_fields_of_both_sides() -> None:
    """Each way has its rules and the types of where it leads; a field that goes one way has one way."""
    pairs = [
        CycleField.model_validate({**NAME, "to_salesforce": [{"type": "case", "to": "upper"}]}),
        CycleField.model_validate({"marketo": "leadScore", "salesforce": "Score__c", "direction": "to_salesforce"}),
    ]
    bound = bind_fields(pairs, SIDES, UTC)
    name, score = bound.fields
    assert name.taken[Side.MARKETO].value(Inputs(columns={"firstName": "ada"}, at=NOON)) == "ADA"
    assert name.taken[Side.SALESFORCE].value(Inputs(columns={"FirstName": "Ada"}, at=NOON)) == "Ada"
    assert score.taken.keys() == {Side.MARKETO}
    assert score.taken[Side.MARKETO].value(Inputs(columns={"leadScore": "7"}, at=NOON)) == 7
    assert bound.aside == {}


@pytest.mark.cap("U01", "U02")
@pytest.mark.parametrize(
    ("marketo", "said", "right"),
    [
        (FieldDescription(name="firstName", type="string"), None, "salesforce"),
        (FieldDescription(name="leadScore", type="integer"), None, "marketo"),
        (FieldDescription(name="behaviour", type="score"), None, "marketo"),
        (FieldDescription(name="lastInterestingMoment", type="string"), None, "marketo"),
        (FieldDescription(name="leadScore", type="integer"), "newest", "newest"),
    ],
)
def test_marketo_is_right_about_what_marketing_keeps_and_salesforce_about_the_rest(
    marketo: FieldDescription, said: str | None, right: str
) -> None:
    """If the document does not say otherwise: a value that both sides have edited is the owner's on both."""
    pair = CycleField.model_validate({"marketo": marketo.name, "salesforce": "Name__c", "conflict": said})
    sides = {
        Side.MARKETO: described("leads", marketo),
        Side.SALESFORCE: described("Lead", FieldDescription(name="Name__c", type=marketo.type)),
    }
    (bound,) = bind_fields([pair], sides, UTC).fields
    assert bound.policy.conflict == right
    held = {Side.MARKETO: {marketo.name: "5"}, Side.SALESFORCE: {"Name__c": "7"}}
    found = {side: Found(values=values, edited_at=NOON) for side, values in held.items()}
    old = merge_pair([bound], {side: Found(values={}) for side in Side}, {}, NOON, str)

    writes = merge_pair([bound], found, old.memory, NOON, str).writes

    written = {side for side, fields in writes.items() if fields}
    assert written == ({Side.SALESFORCE} if right == "marketo" else {Side.MARKETO})


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"marketo": "gone", "salesforce": "FirstName"}, "Marketo has no field gone of leads, or hides it"),
        ({"marketo": "firstName", "salesforce": "Gone__c"}, "Salesforce has no field Gone__c of Lead, or hides it"),
        (
            {"marketo": "leadScore", "salesforce": "Rank__c"},
            "Rank__c of Salesforce cannot be changed; let the pair go to Marketo only, or take it out",
        ),
        (
            {"marketo": "made", "salesforce": "CreatedDate", "direction": "to_marketo"},
            "made of Marketo cannot be changed; let the pair go to Salesforce only, or take it out",
        ),
    ],
)
def test_a_pair_that_cannot_work_is_put_aside_alone(members: dict[str, Any], said: str) -> None:
    """The others go on; the reason says what to do."""
    bound = bind_fields([CycleField.model_validate(members), CycleField.model_validate(NAME)], SIDES, UTC)
    assert [field.name for field in bound.fields] == ["firstName=FirstName"]
    assert [reason.startswith(said) for reason in bound.aside.values()] == [True]


@pytest.mark.cap("M077")
def test_only_ids_links_amount_stage_and_dates_are_mandatory() -> None:
    """Of opportunities and of people; every other pair is switched off at will, or left out."""
    plain = {"amount": "Amount", "stage": "StageName", "closeDate": "CloseDate"}
    others = {"name": "Name", "probability": "Probability", "nextStep": "NextStep"}

    def described(name: str, fields: Iterable[str]) -> ObjectDescription:
        return ObjectDescription(
            name=name, fields={each: FieldDescription(name=each, type="string") for each in fields}
        )

    def found(pairs: Mapping[str, str], *off: str, hidden: str = "") -> list[str]:
        lines = [{"marketo": name, "salesforce": other} for name, other in pairs.items()]
        deals = [{**line, "enabled": line["marketo"] not in off} for line in lines]
        shown = {name: other for name, other in {**plain, **others}.items() if name != hidden}
        systems = {
            (Side.MARKETO, "opportunities"): described("opportunities", shown),
            (Side.SALESFORCE, "Opportunity"): described("Opportunity", shown.values()),
        }
        return list(cycle_lines(CrmCycle.model_validate(document(opportunities={"fields": deals})), systems))

    everything = {**plain, **others}
    assert found(everything) == found(everything, "probability", "nextStep") == found({**plain, **DEAL_NAME}) == []
    for name, other in plain.items():
        without = {each: theirs for each, theirs in everything.items() if each != name}
        said = f"opportunities.fields: {name} of an opportunity is mandatory, reports and attribution go by it; "
        refused = f"{said}add a pair of it and {other}, or switch it on"
        assert found(everything, name) == found(without) == [refused]
        # what a system does not show nobody can be asked for
        assert found(without, hidden=name) == []
    # ids, links and the date of creation are the cycle's own, as lines that are switched off, too
    for name in ("externalOpportunityId", "externalCompanyId", "externalSalesPersonId", "externalCreatedDate"):
        with pytest.raises(ValidationError, match=f"{name} of an opportunity is kept by the cycle"):
            found({**everything, name: "Any__c"}, name)
    people: dict[str, Any] = {"id_field": "crmId", "leads": {"fields": [{**NAME, "enabled": False}]}}
    assert CrmCycle.model_validate(document(persons=people)).persons is not None
    people["leads"]["fields"].append({"marketo": "crmId", "salesforce": "Name", "enabled": False})
    with pytest.raises(ValidationError, match="crmId links records and is kept by the cycle"):
        CrmCycle.model_validate(document(persons=people))


def test_a_flag_is_a_yes_no_field_of_the_record_that_stays() -> None:
    """Of people merged or deleted in Marketo it stands on the Lead or Contact, else on the person."""
    persons: dict[str, Any] = {"id_field": "crmId", "leads": {"fields": [NAME]}}
    persons |= {"merges": {"flag": "Merged__c"}, "deleted_in_marketo": {"flag": "Gone__c"}}
    persons |= {"merged_in_salesforce": {"flag": "mergedInCrm"}, "deleted_in_salesforce": {"flag": "goneInCrm"}}

    def found(lead: str, person: str) -> list[str]:
        record = {"FirstName": "string", "Merged__c": lead, "Gone__c": "boolean"}
        people = {"firstName": "string", "crmId": "string", "mergedInCrm": person, "goneInCrm": "boolean"}
        described = {
            key: ObjectDescription(
                name=key[1], fields={name: FieldDescription(name=name, type=kind) for name, kind in fields.items()}
            )
            for key, fields in {(Side.SALESFORCE, "Lead"): record, (Side.MARKETO, "leads"): people}.items()
        }
        return list(cycle_lines(a_cycle(persons=persons, companies=None), described))

    assert found("boolean", "boolean") == []
    assert found("string", "boolean") == [
        "persons.merges.flag: Merged__c of Lead is no yes/no field that can be changed; choose one"
    ]
    assert found("boolean", "string") == [
        "persons.merged_in_salesforce.flag: mergedInCrm of leads is no yes/no field that can be changed; choose one"
    ]
