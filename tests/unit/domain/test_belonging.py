"""What a person of Marketo belongs to: which fields are its company's, and who owns it."""

from datetime import UTC

import pytest

from leadbridge.domain.belonging import company_fields, company_of, fields_of, is_linked, links_of
from leadbridge.domain.crm_cycle import CrmCycle, CycleField
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.ids import canonical
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.three_way import Side

ACCOUNT = canonical("0015g00000AAAAA")


def described(name: str, *fields: str) -> ObjectDescription:
    """An object with text fields."""
    return ObjectDescription(name=name, fields={each: FieldDescription(name=each, type="string") for each in fields})


def company(*fields: str) -> ObjectDescription:
    """Describe Company with these fields beside the usual ones."""
    usual = ("id", "externalCompanyId", "externalSalesPersonId", "createdAt", "updatedAt", "company", "industry")
    found = described("companies", *usual, *fields)
    return ObjectDescription(name=found.name, fields=found.fields, id_field="id", key_fields=("externalCompanyId",))


PERSON = described(
    "leads",
    *("id", "externalCompanyId", "externalSalesPersonId", "createdAt", "updatedAt", "company", "industry", "segment"),
    "email",
)


@pytest.mark.cap("M128")
def test_the_fields_of_companies_are_those_that_describe_company_lists() -> None:
    """Keys, times and the owner stand in both descriptions and mean another record; a new field is one at once."""
    assert company_fields(company(), PERSON) == {"company", "industry"}
    # one that people do not have cannot go through them
    assert company_fields(company("segment", "companyNotes"), PERSON) == {"company", "industry", "segment"}


@pytest.mark.parametrize(
    ("marketo", "salesforce", "linked"),
    [
        pytest.param({"externalCompanyId": ACCOUNT}, None, True, id="in a company"),
        pytest.param({"externalCompanyId": None}, {"AccountId": ACCOUNT}, True, id="comes into one now"),
        pytest.param({"externalCompanyId": None}, {"AccountId": None}, False, id="Contact without Account"),
        pytest.param({}, {}, False, id="Lead"),
        pytest.param(None, {"AccountId": None}, None, id="Marketo was not read"),
    ],
)
def test_whether_a_person_is_in_a_company(
    marketo: dict[str, str] | None, salesforce: dict[str, str] | None, *, linked: bool | None
) -> None:
    """Either row may tell; where neither does it is not known."""
    assert is_linked(marketo, salesforce) is linked


def test_a_linked_persons_pairs_are_without_those_of_the_company() -> None:
    """The pair of a company's field goes through whoever is in none, and through nobody else."""
    pairs = [CycleField(marketo="company", salesforce="Company"), CycleField(marketo="email", salesforce="Email")]
    both = {Side.MARKETO: PERSON, Side.SALESFORCE: described("Lead", "Company", "Email")}
    bound = bind_fields(pairs, both, UTC).fields
    of_companies = company_fields(company(), PERSON)
    assert [each.name for each in fields_of(bound, of_companies, linked=False)] == ["company=Company", "email=Email"]
    assert [each.name for each in fields_of(bound, of_companies, linked=True)] == ["email=Email"]


def test_the_key_of_a_company_is_the_account_id_of_18_characters() -> None:
    """Either spelling of the id is one company; what is no id is none of Salesforce's."""
    assert {company_of({"AccountId": ACCOUNT[:15]}), company_of({"externalCompanyId": f" {ACCOUNT} "})} == {ACCOUNT}
    assert company_of({"externalCompanyId": "C-1"}) == company_of({}) == ""


def test_which_links_people_have() -> None:
    """Leads have no Account; nothing is linked to what the cycle does not keep, or has switched off."""

    def names(object_name: str, **kept: object) -> list[str]:
        common = {"kind": "crm_cycle", "id": "main", "name": "Main", "mode": "replace_native"}
        cycle = CrmCycle.model_validate({**common, "marketo": "m", "salesforce": "s", "sales_persons": {}, **kept})
        return [each.pair for each in links_of(object_name, cycle)]

    companies = {"fields": [{"marketo": "company", "salesforce": "Name"}]}
    assert names("Contact", companies=companies) == ["externalCompanyId=AccountId", "externalSalesPersonId=OwnerId"]
    assert names("Lead", companies=companies) == ["externalSalesPersonId=OwnerId"]
    assert names("Contact", companies={**companies, "enabled": False}) == ["externalSalesPersonId=OwnerId"]
    assert names("Contact", companies=companies, sales_persons={"enabled": False}) == ["externalCompanyId=AccountId"]
