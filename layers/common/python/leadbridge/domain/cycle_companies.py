"""What a cycle reads and writes of companies and sales persons: the queues and legs of Accounts and Users."""

from collections.abc import Iterator

from leadbridge.domain.belonging import OWNER, OWNER_PAIR
from leadbridge.domain.crm_cycle import COMPANY_LINK, OWNER_LINK, Companies, CrmCycle, CycleField, Flag
from leadbridge.domain.cycle_legs import (
    COMPANIES,
    COMPANIES_DELETED,
    PEOPLE,
    SALES_PERSONS,
    SALES_PERSONS_DELETED,
    SALESFORCE,
    Leg,
    Queue,
)
from leadbridge.domain.cycle_people import FROM_PEOPLE, PERSON, alike, derived, given, taken
from leadbridge.domain.three_way import Direction, Side

#: Salesforce's kinds of records, and Marketo's
ACCOUNT, COMPANY = "Account", "companies"
USER, SALES_PERSON = "User", "sales_persons"
FROM_ACCOUNTS, FROM_USERS, FROM_MEMBERS = "from-accounts", "from-users", "from-members"
ACCOUNTS_UPDATED, COMPANIES_WRITTEN, SALES_PERSONS_WRITTEN = (
    "accounts-updated",
    "companies-written",
    "sales-persons-written",
)
#: companies whose Accounts are gone
COMPANIES_GONE = "companies-gone"
#: people and companies that a sales person has to let go before it is deleted
PEOPLE_LET_GO, COMPANIES_LET_GO, SALES_PERSONS_GONE = "people-let-go", "companies-let-go", "sales-persons-gone"
#: an Account that is a person has no company
PERSON_ACCOUNT = "IsPersonAccount"
#: columns of a User that tell whether it is a sales person
ACTIVE, USER_TYPE = "IsActive", "UserType"
#: Marketo's fields and Salesforce's that say the same of a sales person; of those that both describe
_SAME = {
    "email": "Email",
    "firstName": "FirstName",
    "lastName": "LastName",
    "title": "Title",
    "phone": "Phone",
    "mobilePhone": "MobilePhone",
    "fax": "Fax",
}
SALES_PERSON_FIELDS = tuple(
    CycleField(marketo=marketo, salesforce=salesforce, direction=Direction.TO_MARKETO, blank="clear")
    for marketo, salesforce in _SAME.items()
)


def company_pairs(cycle: CrmCycle, companies: Companies) -> list[CycleField]:
    """The pairs of fields of companies, and their owner where sales persons are kept."""
    pairs = [pair for pair in companies.fields if pair.enabled]
    return [*pairs, OWNER_PAIR] if cycle.sales_persons and cycle.sales_persons.enabled else pairs


def account_columns(cycle: CrmCycle, companies: Companies) -> tuple[str, ...]:
    """The columns of Accounts that a cycle reads; those that Salesforce hides are left out later."""
    pairs = [pair.salesforce for pair in company_pairs(cycle, companies)]
    return tuple(dict.fromkeys(["Id", "SystemModstamp", PERSON_ACCOUNT, *pairs]))


def company_columns(cycle: CrmCycle, companies: Companies) -> tuple[str, ...]:
    """The fields of Marketo's companies that a cycle reads."""
    pairs = [pair.marketo for pair in company_pairs(cycle, companies)]
    return tuple(dict.fromkeys(["id", COMPANY_LINK, "updatedAt", *pairs]))


def user_columns() -> tuple[str, ...]:
    """The columns of Users that a cycle reads."""
    return ("Id", "SystemModstamp", ACTIVE, USER_TYPE, *_SAME.values())


def shown_by(cycle: CrmCycle) -> str:
    """The queue whose people show what their companies hold."""
    return FROM_PEOPLE if cycle.persons else FROM_MEMBERS


def company_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of companies; people show those of Marketo, which does not list them."""
    companies = cycle.companies
    if companies is None or not companies.enabled:
        return
    columns = alike(account_columns(cycle, companies))
    made = derived(cycle, FROM_ACCOUNTS, Side.SALESFORCE, (ACCOUNT, COMPANY), ("Id", COMPANY_LINK), columns)
    yield Queue(name=FROM_ACCOUNTS, side=Side.SALESFORCE, sync=made)
    if shown_by(cycle) == FROM_MEMBERS:
        columns = alike(company_columns(cycle, companies))
        made = derived(cycle, FROM_MEMBERS, Side.MARKETO, (PERSON, ACCOUNT), ("id", "Id"), columns)
        yield Queue(name=FROM_MEMBERS, side=Side.MARKETO, sync=made)


def company_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of companies."""
    companies = cycle.companies
    if companies is None or not companies.enabled:
        return
    pairs = company_pairs(cycle, companies)
    made = derived(cycle, ACCOUNTS_UPDATED, Side.MARKETO, (COMPANY, ACCOUNT), (COMPANY_LINK, "Id"), taken(pairs))
    yield Leg(name=ACCOUNTS_UPDATED, group=SALESFORCE, side=Side.SALESFORCE, sync=made)
    key, objects = ("Id", COMPANY_LINK), (ACCOUNT, COMPANY)
    gone = companies.deleted_in_salesforce
    columns = {COMPANY_LINK: "Id", **dict(given(pairs)), **({gone.flag: "Id"} if isinstance(gone, Flag) else {})}
    made = derived(cycle, COMPANIES_WRITTEN, Side.SALESFORCE, objects, key, columns)
    yield Leg(name=COMPANIES_WRITTEN, group=COMPANIES, side=Side.MARKETO, sync=made)
    if gone == "delete":
        made = derived(cycle, COMPANIES_GONE, Side.SALESFORCE, objects, key, {COMPANY_LINK: "Id"})
        yield Leg(name=COMPANIES_GONE, group=COMPANIES_DELETED, side=Side.MARKETO, sync=made)


def sales_person_queues(cycle: CrmCycle) -> Iterator[Queue]:
    """What is read of sales persons: Salesforce's Users, and never Marketo's sales persons."""
    if cycle.sales_persons is None or not cycle.sales_persons.enabled:
        return
    columns = alike(user_columns())
    made = derived(cycle, FROM_USERS, Side.SALESFORCE, (USER, SALES_PERSON), ("Id", OWNER_LINK), columns)
    yield Queue(name=FROM_USERS, side=Side.SALESFORCE, sync=made)


def sales_person_legs(cycle: CrmCycle) -> Iterator[Leg]:
    """What is written of sales persons: they are made and changed first, and deleted last."""
    sales_persons = cycle.sales_persons
    if sales_persons is None or not sales_persons.enabled:
        return
    key, objects = ("Id", OWNER_LINK), (USER, SALES_PERSON)
    columns = {OWNER_LINK: "Id", **dict(given(SALES_PERSON_FIELDS))}
    made = derived(cycle, SALES_PERSONS_WRITTEN, Side.SALESFORCE, objects, key, columns)
    yield Leg(name=SALES_PERSONS_WRITTEN, group=SALES_PERSONS, side=Side.MARKETO, sync=made)
    if sales_persons.deactivated != "delete":
        return
    owner = {OWNER_LINK: OWNER}
    if cycle.companies and cycle.companies.enabled:
        made = derived(cycle, COMPANIES_LET_GO, Side.SALESFORCE, (ACCOUNT, COMPANY), ("Id", COMPANY_LINK), owner)
        yield Leg(name=COMPANIES_LET_GO, group=COMPANIES, side=Side.MARKETO, sync=made)
    made = derived(cycle, PEOPLE_LET_GO, Side.SALESFORCE, (USER, PERSON), ("id", "id"), owner)
    yield Leg(name=PEOPLE_LET_GO, group=PEOPLE, side=Side.MARKETO, sync=made)
    made = derived(cycle, SALES_PERSONS_GONE, Side.SALESFORCE, objects, key, {OWNER_LINK: "Id"})
    yield Leg(name=SALES_PERSONS_GONE, group=SALES_PERSONS_DELETED, side=Side.MARKETO, sync=made)
