"""Companies, sales persons and ownership in whole cycles, against both vendor twins."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import Companies, CrmCycle, Persons
from leadbridge.domain.marketo import FieldMetadata
from leadbridge.domain.three_way import Side
from leadbridge.usecases.check_cycle import described_lines
from leadbridge.vendors.cycle_look import VendorLook
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
COMPANY_FIELDS = [
    {"marketo": "company", "salesforce": "Name"},
    {"marketo": "industry", "salesforce": "Industry"},
    {"marketo": "annualRevenue", "salesforce": "AnnualRevenue"},
    {"marketo": "companyNotes", "salesforce": "Description"},
]
PERSONS: dict[str, Any] = {
    "id_field": "salesforceId",
    "leads": {
        "fields": [
            {"marketo": "email", "salesforce": "Email"},
            {"marketo": "lastName", "salesforce": "LastName"},
            {"marketo": "company", "salesforce": "Company"},
        ]
    },
    "contacts": {
        "fields": [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
    },
}
TOKEN = "/rest/v1/activities/pagingtoken.json"
QUEUES = ("from-users", "from-accounts", "from-leads", "from-contacts", "from-people")
PEOPLE = 1_000
USER = {"Username": "ada@example.com", "LastName": "Lovelace", "Email": "ada@example.com"}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of companies, sales persons and persons, as far as they are not switched off."""

    def made(**members: Any) -> WiredCycle:
        common = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        kept = {"companies": {"fields": COMPANY_FIELDS}, "sales_persons": {}, "persons": PERSONS}
        document = {**common, "mode": "replace_native", "low_watermark": "2026-03-01T00:00", **kept, **members}
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def change(world: WiredCycle, user: str, **fields: Any) -> None:
    """An administrator changes a User."""
    world.salesforce.post("set", {"object": "User", "ids": [user], "fields": fields})


def employed(world: WiredCycle, **account: Any) -> tuple[str, str, str]:
    """A User, an Account and its Contact; their ids."""
    user = load(world, "User", **USER)
    of = load(world, "Account", Name="Acme", Industry="Technology", AnnualRevenue=12.5, OwnerId=user, **account)
    return user, of, load(world, "Contact", LastName="King", Email="king@example.com", AccountId=of, OwnerId=user)


@pytest.mark.cap("M113", "M030", "M019")
def test_a_new_owner_a_new_account_and_a_new_contact_arrive_in_one_cycle_in_order(build: Build) -> None:
    """Sales person before company before person; both links hold ids of 18 characters that lead to the records."""
    world = build()
    user, account, contact = employed(world)

    world.ran()

    [person] = world.marketo.get("records/leads")
    company = world.of(world.marketo, "companies", "externalCompanyId")[person["externalCompanyId"]]
    sales_person = world.of(world.marketo, "salesPersons", "externalSalesPersonId")[person["externalSalesPersonId"]]
    assert (person["salesforceId"], person["externalCompanyId"], person["externalSalesPersonId"]) == (
        contact,
        account,
        user,
    )
    assert len(account) == len(user) == 18
    assert (company["company"], company["externalSalesPersonId"]) == ("Acme", user)
    assert (sales_person["lastName"], sales_person["email"]) == ("Lovelace", "ada@example.com")
    # the person shows what its company has
    assert (person["company"], person["industry"]) == ("Acme", "Technology")
    assert world.written() == ["salespersons.json", "companies.json", "leads.json"]


def test_what_salesforce_says_nobody_changed_is_not_read(build: Build) -> None:
    """Accounts and Users are neither described nor queried for reading; a Contact that changed is, and so is an Account
    once it changes. Marketo's lists of who was merged and deleted begin with one token."""
    world = build()
    _, account, contact = employed(world)
    world.ran()
    world.salesforce.post("set", {"object": "Contact", "ids": [contact], "fields": {"LastName": "Queen"}})
    tokens = len(world.calls(world.marketo, TOKEN))
    run = world.ran()
    assert len(world.calls(world.marketo, TOKEN)) - tokens == 2
    calls = {name: found[0].calls for name in QUEUES if (found := world.syncs.get(f"main.{name}", run.slot))}

    assert set(run.idle) == {"from-accounts", "from-users", "from-leads"}
    assert {name for name, made in calls.items() if not made} == set(run.idle)
    assert world.of(world.marketo, "leads", "email")["king@example.com"]["lastName"] == "Queen"

    world.salesforce.post("set", {"object": "Account", "ids": [account], "fields": {"Name": "Umbrella"}})
    assert "from-accounts" not in world.ran().idle
    assert world.of(world.marketo, "companies", "externalCompanyId")[account]["company"] == "Umbrella"


@pytest.mark.cap("M129", "M012", "U31")
def test_a_field_of_companies_goes_to_the_account_of_who_is_in_one_and_else_to_the_lead(build: Build) -> None:
    """Both branches, both ways; nothing of a company is ever sent through a person who is in one (1021)."""
    world = build()
    _, account, _ = employed(world)
    lead = load(world, "Lead", LastName="Free", Email="free@example.com", Company="Mine")
    world.ran()
    people = world.of(world.marketo, "leads", "email")
    assert (people["free@example.com"]["company"], people["king@example.com"]["company"]) == ("Mine", "Acme")

    # somebody edits in Marketo: the company whom the one shows, and the field of the other
    wired = world.connections.marketo("marketing")
    wired.companies.sync([{"externalCompanyId": account, "company": "Acme Ltd"}])
    person = {"id": people["free@example.com"]["id"], "company": "My Own"}
    wired.sync_leads([person], action="updateOnly", lookup_field="id")
    world.ran()

    assert world.of(world.salesforce, "Account", "Id")[account]["Name"] == "Acme Ltd"
    assert world.of(world.salesforce, "Lead", "Id")[lead]["Company"] == "My Own"
    # and in Salesforce
    crm = world.connections.salesforce("crm")
    crm.update("Account", [{"Id": account, "Name": "Acme plc", "AnnualRevenue": 99.25}])
    crm.update("Lead", [{"Id": lead, "Company": "Ours"}])
    world.ran()

    people = world.of(world.marketo, "leads", "email")
    assert (people["free@example.com"]["company"], people["king@example.com"]["company"]) == ("Ours", "Acme plc")
    assert people["king@example.com"]["annualRevenue"] == 99
    # writes end with the edits
    before = len(world.written())
    world.ran()
    world.ran()
    assert len(world.written()) == before


@pytest.mark.cap("M011")
def test_the_id_of_a_company_decides_whether_a_person_is_of_it_or_a_lead(build: Build) -> None:
    """One person, without it and then with it: an edited company's name is the Lead's, and then the Account's."""
    world = build(sales_persons=None)
    wired = world.connections.marketo("marketing")
    lead = load(world, "Lead", LastName="King", Email="king@example.com", Company="Mine")
    world.ran()
    [person] = world.marketo.get("records/leads")
    assert (person.get("externalCompanyId"), person["company"]) == (None, "Mine")
    wired.sync_leads([{"id": person["id"], "company": "My Own"}], action="updateOnly", lookup_field="id")
    world.ran()
    assert world.of(world.salesforce, "Lead", "Id")[lead]["Company"] == "My Own"

    account = load(world, "Account", Name="Acme")
    wanted = {"leadId": lead, "accountId": account, "doNotCreateOpportunity": True}
    [made] = world.salesforce.post("convert", {"leads": [wanted]})
    world.ran()
    [person] = world.marketo.get("records/leads")
    assert (person["salesforceId"], person["externalCompanyId"]) == (made["contactId"], account)
    assert person["company"] == "Acme"
    wired.companies.sync([{"externalCompanyId": account, "company": "Acme Ltd"}])
    world.ran()
    assert world.of(world.salesforce, "Account", "Id")[account]["Name"] == "Acme Ltd"
    assert world.of(world.salesforce, "Lead", "Id")[lead]["Company"] == "My Own"


@pytest.mark.cap("M027")
def test_salesforce_is_right_about_companies_but_for_what_is_edited_in_marketo_alone(build: Build) -> None:
    """Unless the pair goes one way: then Salesforce is right about that, too, and Marketo's edit goes nowhere."""
    fields = [*COMPANY_FIELDS[:2], {**COMPANY_FIELDS[2], "direction": "to_marketo"}]
    world = build(sales_persons=None, companies={"fields": fields})
    _, account, _ = employed(world)
    world.ran()
    crm = world.connections.salesforce("crm")
    edits = {"industry": "Energy", "company": "Marketo's", "annualRevenue": 1}
    world.connections.marketo("marketing").companies.sync([{"externalCompanyId": account, **edits}])
    crm.update("Account", [{"Id": account, "Name": "Salesforce's"}])
    world.ran()

    held = world.of(world.salesforce, "Account", "Id")[account]
    assert (held["Name"], held["Industry"], held["AnnualRevenue"]) == ("Salesforce's", "Energy", 12)
    company = world.of(world.marketo, "companies", "externalCompanyId")[account]
    assert (company["company"], company["industry"]) == ("Salesforce's", "Energy")
    crm.update("Account", [{"Id": account, "AnnualRevenue": 2}])
    world.ran()
    assert world.of(world.marketo, "companies", "externalCompanyId")[account]["annualRevenue"] == 2


@pytest.mark.cap("M005", "U36", "U37")
def test_companies_are_kept_in_step_both_ways_without_persons(build: Build) -> None:
    """Values arrive as they are, money with its decimals; of one field that both edited Salesforce is right."""
    world = build(persons=None, sales_persons=None)
    account = load(world, "Account", Name="Łódź, “Ltd”", Industry="Banking", AnnualRevenue=1234567)
    world.ran()
    company = world.of(world.marketo, "companies", "externalCompanyId")[account]
    assert (company["company"], company["industry"], company["annualRevenue"]) == ("Łódź, “Ltd”", "Banking", 1234567)

    world.marketo.post("load", {"leads": [{"email": "a@example.com"}]})
    wired, crm = world.connections.marketo("marketing"), world.connections.salesforce("crm")
    wired.sync_leads(
        [{"email": "a@example.com", "externalCompanyId": account}], action="updateOnly", lookup_field="email"
    )
    world.ran()
    wired.companies.sync([{"externalCompanyId": account, "industry": "Energy", "company": "Marketo's"}])
    crm.update("Account", [{"Id": account, "Name": "Salesforce's", "Description": "Notes"}])
    world.ran()

    company = world.of(world.marketo, "companies", "externalCompanyId")[account]
    held = world.of(world.salesforce, "Account", "Id")[account]
    assert (held["Name"], held["Industry"], held["Description"]) == ("Salesforce's", "Energy", "Notes")
    assert (company["company"], company["industry"], company["companyNotes"]) == ("Salesforce's", "Energy", "Notes")


def asked_for_records(world: WiredCycle) -> list[dict[str, Any]]:
    """The calls of Marketo's sales persons; each run looks at how they are described beside them."""
    calls = world.calls(world.marketo, "/rest/v1/salespersons")
    return [each for each in calls if not each["path"].endswith("/describe.json")]


@pytest.mark.cap("M131", "M130")
def test_users_are_mirrored_in_every_cycle_and_cost_nothing_while_they_stay(build: Build) -> None:
    """Added, changed and deactivated ones; Marketo's sales persons are asked for when a User is new, and never else."""
    world = build(persons=None, companies=None, sales_persons={"deactivated": "delete"})
    user = load(world, "User", **USER)
    world.ran()
    assert world.of(world.marketo, "salesPersons", "externalSalesPersonId")[user]["lastName"] == "Lovelace"

    asked = len(asked_for_records(world))
    world.ran()
    world.ran()
    assert len(asked_for_records(world)) == asked

    change(world, user, LastName="King")
    world.ran()
    assert world.of(world.marketo, "salesPersons", "externalSalesPersonId")[user]["lastName"] == "King"
    change(world, user, IsActive=False)
    world.ran()
    assert user not in world.of(world.marketo, "salesPersons", "externalSalesPersonId")


@pytest.mark.cap("M132", "M133")
def test_a_sales_person_of_a_thousand_people_is_deleted_once_nobody_names_it(build: Build) -> None:
    """Who has another owner by now gets that one, the others and the company are taken from the User; none keeps it.

    A thousand are read, changed and deleted in calls of 300. The guard, which would ask, lets all of them through.
    """
    world = build(sales_persons={"deactivated": "delete"}, guard={"changed_percent": 100, "blanked_percent": 100})
    heir = load(world, "User", **{**USER, "Username": "ida@example.com", "Email": "ida@example.com"})
    user, account, contact = employed(world)
    rows = [{"LastName": f"Of {each}", "Email": f"{each}@example.com", "OwnerId": user} for each in range(PEOPLE - 1)]
    world.salesforce.post("load", {"Contact": [{**row, "AccountId": account} for row in rows]})
    world.ran()
    world.ran()
    people = world.marketo.get("records/leads")
    assert [person["externalSalesPersonId"] for person in people] == [user] * PEOPLE

    crm = world.connections.salesforce("crm")
    crm.update("Contact", [{"Id": contact, "OwnerId": heir}])
    change(world, user, IsActive=False)
    before = len(world.written())
    run = world.ran()

    assert user not in world.of(world.marketo, "salesPersons", "externalSalesPersonId")
    people = world.marketo.get("records/leads")
    owners = {person["salesforceId"]: person["externalSalesPersonId"] for person in people}
    assert (len(owners), owners.pop(contact), set(owners.values())) == (PEOPLE, heir, {None})
    assert "externalSalesPersonId" not in world.of(world.marketo, "companies", "externalCompanyId")[account]
    failed = [line for line in world.outcomes(run, "sales_persons") if line["outcome"] == "failed"]
    assert failed == []
    # one for the heir's, four for the others, the company, and the end
    written = sorted(world.written()[before:])
    assert written == ["companies.json", *["delete.json"], *["leads.json"] * 5]


def test_owners_that_are_queues_or_inactive_are_told_with_the_reason(build: Build) -> None:
    """A Lead of a queue is nobody's in Marketo; who was deactivated stays the owner while the sales person stays."""
    world = build()
    user = load(world, "User", **USER)
    queue = load(world, "Group", Name="Inbound", Type="Queue")
    lead = {"LastName": "Q", "Company": "Acme"}
    queued = load(world, "Lead", **lead, Email="q@example.com", OwnerId=queue)
    owned = load(world, "Lead", **lead, Email="o@example.com", OwnerId=user)
    change(world, user, IsActive=False)

    run = world.ran()

    told = {line["salesforce_id"]: (line["outcome"], line["reason"]) for line in world.outcomes(run, "persons")}
    assert told == {queued: ("created", "owner_is_queue"), owned: ("created", "owner_inactive")}
    assert all(line["message"] for line in world.outcomes(run, "persons"))
    people = world.of(world.marketo, "leads", "salesforceId")
    assert (people[queued]["externalSalesPersonId"], people[owned]["externalSalesPersonId"]) == (None, user)


@pytest.mark.pain("P40")
def test_an_edit_that_changes_too_many_people_waits_until_somebody_allows_it(build: Build) -> None:
    """The number of people is told; a raised `fan_out` lets the edit through."""
    world = build(companies={"fields": COMPANY_FIELDS, "fan_out": 2}, persons=None, sales_persons=None)
    account = load(world, "Account", Name="Acme")
    world.salesforce.post("load", {"Contact": [{"LastName": f"{each}", "AccountId": account} for each in range(3)]})
    world.ran()
    crm = world.connections.salesforce("crm")
    crm.update("Account", [{"Id": account, "Name": "Acme plc"}])

    run = world.ran()

    [line] = world.outcomes(run, "companies")
    assert (line["outcome"], line["reason"]) == ("failed", "fan_out")
    assert "3 people" in line["message"]
    assert world.of(world.marketo, "companies", "externalCompanyId")[account]["company"] == "Acme"
    companies = Companies.model_validate({"fields": COMPANY_FIELDS, "fan_out": 3})
    world.documents.put(world.cycle.model_copy(update={"companies": companies}))
    world.ran()
    assert world.of(world.marketo, "companies", "externalCompanyId")[account]["company"] == "Acme plc"


@pytest.mark.cap("M128", "M028")
def test_a_field_that_marketo_gives_companies_is_theirs_at_once(build: Build) -> None:
    """Describe Company says so: it can be mapped, and goes to the Account and not through people."""
    pairs = [*COMPANY_FIELDS[:2], {"marketo": "segment", "salesforce": "Rating"}]
    world = build(companies={"fields": pairs}, sales_persons=None)
    world.marketo.post("load", {"companyFields": [{"name": "segment", "displayName": "Segment", "dataType": "string"}]})
    account = load(world, "Account", Name="Acme", Rating="Hot")
    load(world, "Contact", LastName="King", Email="king@example.com", AccountId=account)
    world.ran()
    [person] = world.marketo.get("records/leads")
    assert person["segment"] == "Hot"

    world.connections.marketo("marketing").companies.sync([{"externalCompanyId": account, "segment": "Cold"}])
    world.ran()
    assert world.of(world.salesforce, "Account", "Id")[account]["Rating"] == "Cold"


@pytest.mark.cap("M007", "M029")
def test_a_new_field_is_there_for_the_next_run_and_at_once_for_who_edits_the_document(build: Build) -> None:
    """A line of a field that does not exist is told; once somebody made it the edited document is stored and obeyed."""
    world = build(companies={"fields": COMPANY_FIELDS[:2]}, persons=None, sales_persons=None)
    account = load(world, "Account", Name="Acme", Rating="Hot")
    world.ran()
    look, since = VendorLook(world.connections, world.clock), dict.fromkeys(Side, world.clock.now())
    token = look(world.cycle, since, "").token
    pairs = [COMPANY_FIELDS[0], {"marketo": "segment", "salesforce": "Rating"}]
    cycle = world.cycle.model_copy(update={"companies": Companies.model_validate({"fields": pairs})})
    [line] = described_lines(cycle, world.connections)
    assert "Marketo has no field segment of companies" in line

    world.marketo.post("load", {"companyFields": [{"name": "segment", "displayName": "Segment", "dataType": "string"}]})
    # at once by command, and within an hour by itself, though no record was changed
    assert list(described_lines(cycle, world.connections)) == []
    world.clock.advance(3600)
    assert look(world.cycle, dict.fromkeys(Side, world.clock.now()), token).why == "fields were changed"
    world.documents.put(cycle)
    crm = world.connections.salesforce("crm")
    crm.update("Account", [{"Id": account, "Rating": "Warm", "Industry": "Energy"}])
    world.ran()

    company = world.of(world.marketo, "companies", "externalCompanyId")[account]
    assert (company["segment"], company.get("industry")) == ("Warm", None)


@pytest.mark.cap("U33", "M026")
def test_who_comes_into_a_company_shows_its_values_and_keeps_a_mobile_number(build: Build) -> None:
    """A person with a company name of their own becomes a Contact of an Account: the name is the Account's then."""
    mobile = {"marketo": "mobilePhone", "salesforce": "MobilePhone"}
    fields = {"fields": [*PERSONS["contacts"]["fields"], mobile]}
    world = build(persons={**PERSONS, "contacts": fields}, sales_persons=None)
    world.marketo.post("load", {"leads": [{"email": "king@example.com", "company": "Mine", "industry": "Tin"}]})
    account = load(world, "Account", Name="Acme", Industry="Energy")
    load(world, "Contact", LastName="King", Email="king@example.com", AccountId=account, MobilePhone="+49 170 1234567")
    world.ran()
    [person] = world.marketo.get("records/leads")
    assert (person["externalCompanyId"], person["company"], person["industry"]) == (account, "Acme", "Energy")
    assert person["mobilePhone"] == "+49 170 1234567"


@pytest.mark.cap("M008")
def test_requests_are_made_of_what_describe_lists(build: Build, clients: Clients) -> None:
    """A field of the document is asked for from the moment on at which its system lists it, and while it does."""
    fields = [{"marketo": "email", "salesforce": "Email"}, {"marketo": "rank", "salesforce": "Title"}]
    persons = {"id_field": "salesforceId", "contacts": {"fields": fields}}
    world = build(persons=persons, companies=None, sales_persons=None)
    wired, asked = world.connections.marketo("marketing"), list[str]()
    clients.http.event_hooks["request"].append(lambda request: asked.append(f"{request.url} {request.read()!r}"))

    def ran(name: str) -> tuple[bool, ...]:
        """Whether a run that makes somebody of either side asks for fields, or sends them."""
        load(world, "Contact", LastName="K", Email=f"{name}@example.com", Title="CEO")
        asked.clear()
        world.ran()
        return tuple(any(field in each for each in asked) for field in ("Email", "rank", "Title"))

    assert ran("one") == (True, False, True)
    wired.lead_fields.create([FieldMetadata(name="rank", data_type="string", display_name="Rank")])
    assert ran("two") == (True, True, True)
    world.salesforce.post("permissions", {"hidden": ["Contact.Title"]})
    assert ran("three")[::2] == (True, False)
    ranks = {name: person.get("rank") for name, person in world.of(world.marketo, "leads", "email").items()}
    # who was made without it takes it as soon as it is there
    assert ranks == {"one@example.com": "CEO", "two@example.com": "CEO", "three@example.com": None}


@pytest.mark.pain("P16", "P50")
@pytest.mark.cap("M014")
def test_a_field_that_is_hidden_puts_its_own_pair_aside_with_an_alert_and_a_new_one_is_taken(build: Build) -> None:
    """Of Leads, while the cycle runs: the other pairs go on both ways, and the run that finds it tells and counts."""
    pairs = [
        *PERSONS["leads"]["fields"],
        {"marketo": "phone", "salesforce": "Phone"},
        {"marketo": "rank", "salesforce": "Title"},
    ]
    world = build(persons={"id_field": "salesforceId", "leads": {"fields": pairs}}, companies=None, sales_persons=None)
    wired = world.connections.marketo("marketing")
    lead = load(
        world, "Lead", LastName="A", Company="Acme", Email="ada@example.com", Phone="+49 30 1234567", Title="CEO"
    )
    world.ran()
    [person] = world.marketo.get("records/leads")
    told = world.meter.of("CycleFieldsAside")
    assert (person["phone"], person.get("rank")) == ("+49 30 1234567", None)

    world.salesforce.post("permissions", {"hidden": ["Lead.Phone"]})
    wired.lead_fields.create([FieldMetadata(name="rank", data_type="string", display_name="Rank")])
    edits = {"phone": "+49 30 7654321", "lastName": "B"}
    wired.sync_leads([{"id": person["id"], **edits}], action="updateOnly", lookup_field="id")
    world.salesforce.post("set", {"object": "Lead", "ids": [lead], "fields": {"Company": "Birch"}})
    run = world.ran()

    [person] = world.marketo.get("records/leads")
    held = world.of(world.salesforce, "Lead", "Id")[lead]
    assert (held["LastName"], held["Phone"]) == ("B", "+49 30 1234567")
    assert (person["company"], person["phone"], person["rank"]) == ("Birch", "+49 30 7654321", "CEO")
    [line] = run.warnings
    assert line.startswith("Lead: Salesforce has no field Phone of Lead, or hides it; show it again")
    assert world.meter.of("CycleFieldsAside") == told + 1
    [aside] = [pair for each in world.cycles.standing(CYCLE).schemas.values() for pair in each.aside]
    assert aside == "phone=Phone"

    world.salesforce.post("permissions", {"hidden": []})
    assert world.ran().warnings == ()
    assert world.of(world.salesforce, "Lead", "Id")[lead]["Phone"] == "+49 30 7654321"


@pytest.mark.cap("U34")
def test_the_account_of_a_contact_goes_into_a_field_of_ones_own_where_marketos_is_not_to_be_written(
    build: Build,
) -> None:
    """`sfdcAccountId` belongs to Marketo's own sync, and Describe says so: that pair is put aside with the reason."""
    own = {"marketo": "externalKey", "salesforce": "AccountId", "direction": "to_marketo"}
    contacts = PERSONS["contacts"]["fields"]
    world = build(persons={**PERSONS, "contacts": {"fields": [*contacts, own]}}, sales_persons=None)
    _, account, _ = employed(world)
    world.ran()
    [person] = world.marketo.get("records/leads")
    assert (person["externalKey"], len(person["externalKey"])) == (account, 18)

    vendors = {**PERSONS, "contacts": {"fields": [*contacts, {**own, "marketo": "sfdcAccountId"}]}}
    cycle = world.cycle.model_copy(update={"persons": Persons.model_validate(vendors)})
    [line] = described_lines(cycle, world.connections)
    assert line.startswith("persons.contacts.fields[2]: sfdcAccountId of Marketo cannot be changed")


def test_a_look_sees_accounts_users_and_companies_that_changed(build: Build) -> None:
    """An idle look is a call to each system; companies of Marketo are seen by the people who show them."""
    world = build()
    user, account, _ = employed(world)
    world.ran()
    look = VendorLook(world.connections, world.clock)
    # the org's first users are as old as the twin, whose clock was put back
    users = [each["Id"] for each in world.salesforce.get("records/User")]
    world.salesforce.post("set", {"object": "User", "ids": users, "fields": {"SystemModstamp": "2026-03-01T00:00:00Z"}})

    def why() -> str:
        return look(world.cycle, dict.fromkeys(Side, world.clock.now() - timedelta(minutes=20)), "").why

    assert why() == ""
    crm, wired = world.connections.salesforce("crm"), world.connections.marketo("marketing")
    for edit, told in (
        (lambda: change(world, user, Title="Head"), "a User was changed in Salesforce"),
        (lambda: crm.update("Account", [{"Id": account, "Name": "New"}]), "a Account was changed in Salesforce"),
        (
            lambda: wired.companies.sync([{"externalCompanyId": account, "company": "New"}]),
            "a person was changed in Marketo",
        ),
    ):
        world.clock.advance(1800)
        edit()
        world.clock.advance(600)
        assert why() == told


@pytest.mark.parametrize("policy", ["ignore", "delete", {"flag": "isGone"}])
def test_a_company_whose_account_was_deleted_is_left_marked_or_deleted(build: Build, policy: Any) -> None:
    """One that still has people waits for them to leave; the owner of a deleted one can be deleted after it."""
    fields = {"fields": COMPANY_FIELDS, "deleted_in_salesforce": policy}
    world = build(companies=fields, sales_persons={"deactivated": "delete"})
    world.marketo.post("load", {"companyFields": [{"name": "isGone", "displayName": "Is Gone", "dataType": "boolean"}]})
    user, account, _ = employed(world)
    empty = load(world, "Account", Name="Nobody", OwnerId=user)
    world.ran()
    assert {account, empty} <= world.of(world.marketo, "companies", "externalCompanyId").keys()

    world.salesforce.post("delete", {"object": "Account", "ids": [empty]})
    change(world, user, IsActive=False)
    run = world.ran()

    companies = world.of(world.marketo, "companies", "externalCompanyId")
    assert (empty in companies) is (policy != "delete")
    assert companies.get(empty, {}).get("isGone", False) is isinstance(policy, dict)
    assert account in companies
    told = {line["salesforce_id"]: line["outcome"] for line in world.outcomes(run, "companies")}
    assert told.get(empty) == {"ignore": None, "delete": "deleted"}.get(str(policy), "updated")
    people = world.of(world.marketo, "salesPersons", "externalSalesPersonId")
    assert (user in people) is (policy != "delete")


@pytest.mark.parametrize("policy", ["ignore", "delete"])
def test_people_of_a_merged_account_come_into_the_masters_company_before_the_losers_goes(
    build: Build, policy: str
) -> None:
    """In one run; the company that is empty then is left or deleted, as the policy says."""
    world = build(companies={"fields": COMPANY_FIELDS, "deleted_in_salesforce": policy}, sales_persons=None)
    master, loser = (load(world, "Account", Name=name) for name in ("Acme", "Acme Inc"))
    for name, account in (("king", master), ("queen", loser)):
        load(world, "Contact", LastName=name, Email=f"{name}@example.com", AccountId=account)
    world.ran()
    people = world.of(world.marketo, "leads", "email")
    assert people["queen@example.com"]["externalCompanyId"] == loser

    world.salesforce.post("merge", {"object": "Account", "master": master, "losers": [loser]})
    world.ran()

    people = world.of(world.marketo, "leads", "email")
    assert [people[f"{name}@example.com"]["externalCompanyId"] for name in ("king", "queen")] == [master, master]
    assert people["queen@example.com"]["company"] == "Acme"
    companies = world.of(world.marketo, "companies", "externalCompanyId")
    assert (loser in companies) is (policy == "ignore")
    # and nothing more happens
    written = len(world.written())
    world.ran()
    assert (len(world.written()), world.due.records) == (written, {})
