"""A session in which the product's Marketo client makes every call that it can, for real reasons, at the twin."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.marketo import ActivityAttribute, Cost, FieldMetadata, Folder, Tag, Token
from leadbridge.domain.records import CustomActivity
from leadbridge.errors import PermanentError
from leadbridge.vendors.marketo.bulk import Exports, Imports, window
from leadbridge.vendors.marketo.client import MarketoClient
from tests.contract.openapi.marketo_codes import Instance

START = datetime(2031, 3, 3, 12, tzinfo=UTC)
LONG_AGO = START - timedelta(days=1)
CAR_FIELDS: list[dict[str, Any]] = [
    {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True},
    {"name": "owner", "displayName": "Owner", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}},
    {"name": "colour", "displayName": "Colour", "dataType": "string"},
]


def play(client: MarketoClient, twin: Instance) -> None:
    """Make every call at least once with success; refusals and empty answers come along where they are usual."""
    list(client.preflight(daily_calls=50_000))
    leads(client, twin)
    activities(client, twin)
    lists(client, twin)
    programs(client, twin)
    campaigns(client, twin)
    fields(client)
    crm_objects(client, twin)
    custom_objects(client, twin)
    bulk(client, twin)
    client.stats.calls_today()
    client.stats.usage_of_last_days()
    client.stats.errors()
    client.stats.errors_of_last_days()


def leads(client: MarketoClient, twin: Instance) -> None:
    """Leads in every verb."""
    verbs = client.leads
    verbs.describe()
    verbs.field_ids()
    verbs.partitions()
    rows: list[dict[str, Any]] = [
        {"email": "ann@example.com", "firstName": 'Zoë "Z"', "leadScore": 5, "isCustomer": True, "discount": None},
        {"email": "no address"},
    ]
    made = verbs.sync(rows, action="createOrUpdate", lookup_field="email", partition="Default")
    twin.load("leads", {"email": "twice@example.com"}, {"email": "twice@example.com"})
    verbs.sync([{"email": "twice@example.com"}], action="updateOnly", lookup_field="email")
    verbs.sync([{"email": "dup@example.com"}], action="createDuplicate", lookup_field=None)
    ann = int(made[0].id or 0)
    verbs.by_id(ann, ["email", "leadScore"])
    verbs.by_id(999_999)
    verbs.by_filter("email", ["ann@example.com", "twice@example.com"], ["id", "email", "createdAt"])
    verbs.by_filter("email", [f"somebody.with.a.long.name.{number}@example.com" for number in range(300)], ["id"])
    twin.load("programs", {"name": "Fair"})
    verbs.push([{"email": "push@example.com"}], program_name="Fair", program_status="Invited", source="s", reason="r")
    verbs.move({ann: "Partners", 999_999: "Partners"})
    verbs.associate(ann, "id:123-ABC-456&token:_mch-example.com-1-2")
    winner, loser, gone = twin.load("leads", {"firstName": "W"}, {"lastName": "L"}, {})
    verbs.merge(winner, [loser])
    verbs.delete([gone, 2**40])
    [one], [program] = twin.load("staticLists", {"name": "Of lead"}), twin.load("programs", {"name": "Of lead"})
    twin.load("listMembers", {"listId": one, "leadId": ann})
    twin.load("programMembers", {"programId": program, "leadId": ann, "statusName": "Invited"})
    verbs.lists_of(ann)
    verbs.programs_of(ann)
    list(verbs.of_list(one, ["id", "email"]))
    list(verbs.of_program(program, ["id", "email"]))


def activities(client: MarketoClient, twin: Instance) -> None:
    """The log, and custom activities with their types."""
    log, custom = client.activity_log, client.custom_activities
    log.types()
    list(log.since(LONG_AGO, [12, 13, 32], []))
    list(log.lead_changes(LONG_AGO, ["email", "firstName"]))
    list(log.deleted_leads(LONG_AGO))
    [lead] = twin.load("leads", {"email": "active@example.com"})
    custom.types()
    result = custom.type("leadbridgeResult")
    custom.type("leadbridgeResult", draft=True)
    record = CustomActivity(
        lead_id=lead,
        activity_type_id=result.id,
        activity_date=START,
        primary_attribute_value="x",
        attributes={"executionId": "e-1"},
    )
    custom.add([record])
    made = custom.create_type(
        "visit",
        name="Visit",
        trigger_name="Visits",
        filter_name="Visited",
        primary=ActivityAttribute(name="Place", api_name="place"),
        description="A visit",
    )
    assert made.api_name == "visit"
    custom.create_attributes("visit", [ActivityAttribute(name="Stand", api_name="stand", data_type="integer")])
    custom.approve_type("visit")
    custom.create_attributes("visit", [ActivityAttribute(name="Hall", api_name="hall")])
    custom.discard_draft("visit")


def lists(client: MarketoClient, twin: Instance) -> None:
    """Static lists as assets, and their members."""
    verbs = client.static_lists
    [program] = twin.load("programs", {"name": "Lists"})
    one, other = twin.load("leads", {"email": "one@example.com"}, {"email": "other@example.com"})
    made = verbs.create("Fair", Folder(id=program, type="Program"), description="Visitors")
    verbs.update(made.id, name="Fair 2", description="All visitors")
    list(verbs.all())
    list(verbs.all(ids=[made.id], names=["Fair 2"], program_names=["Lists"]))
    verbs.one(made.id)
    list(verbs.browse(changed_since=LONG_AGO, changed_until=START + timedelta(days=1)))
    verbs.by_name("Fair 2")
    verbs.by_name("No such list")
    verbs.add(made.id, [one, 999_999])
    verbs.are_members(made.id, [one, other])
    list(verbs.members(made.id))
    verbs.remove(made.id, [one, other])
    verbs.delete(made.id)


def programs(client: MarketoClient, twin: Instance) -> None:
    """Programs with channels, tags and tokens, and their members."""
    verbs = client.programs
    [parent] = twin.load("programs", {"name": "Parent"})
    folder = Folder(id=parent, type="Program")
    list(verbs.browse())
    list(verbs.browse(changed_since=LONG_AGO, changed_until=START + timedelta(days=1)))
    channel = next(each for each in verbs.channels() if each.applicable_program_type == "event")
    verbs.channel(channel.name)
    verbs.channel("No such channel")
    [tag_type, *_] = list(verbs.tag_types())
    known = verbs.tag_type(tag_type.tag_type)
    assert known is not None
    tag = Tag(tag_type=known.tag_type, tag_value=known.allowable_values[0])
    made = verbs.create(
        "Roadshow",
        Folder(id=1),
        program_type="Event",
        channel=channel.name,
        description="North",
        tags=[tag],
        costs=[Cost(start_date=START.date(), cost=100, note="hall")],
    )
    verbs.update(made.id, name="Roadshow North", costs=[Cost(start_date=START.date(), cost=5)], replace_costs=True)
    list(verbs.by_tag(tag))
    verbs.one(made.id)
    verbs.one(999_999)
    verbs.by_name("Roadshow North")
    copy = verbs.clone(made.id, "Roadshow South", Folder(id=1), description="South")
    verbs.delete(copy.id)
    token = Token(name="stand", type="text", value="A-1")
    verbs.tokens(folder)
    verbs.set_token(folder, token)
    verbs.tokens(folder)
    verbs.delete_token(folder, token)
    members(client, twin, made.id)


def members(client: MarketoClient, twin: Instance, program: int) -> None:
    """Who is in a program."""
    verbs = client.members
    one, other = twin.load("leads", {"email": "m1@example.com"}, {"email": "m2@example.com"})
    verbs.describe()
    verbs.set_status(program, "Invited", [one, other, 999_999])
    verbs.set_status(program, "Invited", [one])
    verbs.update(program, [{"leadId": one, "statusReason": "asked"}, {"leadId": 999_999, "statusReason": "?"}])
    list(verbs.by_filter(program, "leadId", [one, other], ["leadId", "statusName"]))
    list(verbs.by_filter(program, "reachedSuccess", [False]))
    list(verbs.changed_between(program, LONG_AGO - timedelta(days=9), START + timedelta(days=1)))
    verbs.delete(program, [one, 999_999])


def campaigns(client: MarketoClient, twin: Instance) -> None:
    """Smart campaigns: find, switch, request, schedule."""
    verbs = client.campaigns
    twin.load("programs", {"name": "Campaigns"})
    trigger, batch = twin.load(
        "smartCampaigns",
        {"name": "Welcome", "type": "trigger", "programName": "Campaigns", "isActive": True, "isRequestable": True},
        {"name": "Mail", "type": "batch", "programName": "Campaigns"},
    )
    [lead] = twin.load("leads", {"email": "campaign@example.com"})
    list(verbs.browse())
    list(verbs.requestable())
    verbs.one(trigger)
    verbs.one(999_999)
    verbs.by_name("Mail")
    verbs.by_name("No such campaign")
    verbs.request(trigger, [lead], {"stand": "A-1"})
    verbs.deactivate(trigger)
    verbs.activate(trigger)
    verbs.schedule(batch)
    verbs.schedule(batch, run_at=START + timedelta(days=2), tokens={"stand": "A-2"}, clone_to_program="Copy")


def fields(client: MarketoClient) -> None:
    """The schema of fields, and new ones."""
    for verbs, known in (
        (client.lead_fields, "email"),
        (client.company_fields, "externalCompanyId"),
        (client.opportunity_fields, "externalOpportunityId"),
        (client.member_fields, "leadId"),
    ):
        list(verbs.all())
        verbs.one(known)
    for writable in (client.lead_fields, client.member_fields):
        made = FieldMetadata(name="shirtSize", display_name="Shirt Size", data_type="string", description="for gifts")
        writable.create([made])
        writable.update("shirtSize", display_name="Size", is_hidden=True)


def crm_objects(client: MarketoClient, twin: Instance) -> None:
    """Companies, opportunities, roles and sales persons in every verb."""
    [lead] = twin.load("leads", {"email": "role@example.com"})
    role = {"externalOpportunityId": "O-1", "leadId": lead, "role": "Buyer"}
    for verbs, record, more in (
        (client.sales_persons, {"externalSalesPersonId": "S-1"}, {"email": "sam@example.com", "firstName": None}),
        (client.companies, {"externalCompanyId": "C-1"}, {"company": "Amber", "numberOfEmployees": 7}),
        (client.opportunities, {"externalOpportunityId": "O-1"}, {"name": "Deal", "amount": 12.5}),
        (client.opportunity_roles, role, {"isPrimary": True}),
    ):
        described = verbs.describe()
        [made] = verbs.sync([record | more])
        verbs.sync([record | more], action="createOnly")
        list(verbs.by_keys([record]))
        own_id: Any = made.id if described.id_field == "marketoGUID" else int(made.id or 0)
        verbs.sync([{described.id_field: own_id} | more], action="updateOnly", by="idField")
    list(client.companies.by_filter("externalCompanyId", ["C-1", "C-2"], ["company", "createdAt"]))
    for objects, key in (
        (client.opportunity_roles, role),
        (client.opportunities, {"externalOpportunityId": "O-1"}),
        (client.companies, {"externalCompanyId": "C-1"}),
        (client.sales_persons, {"externalSalesPersonId": "S-1"}),
    ):
        objects.delete([key, key | {next(iter(key)): "X-9"}])


def custom_objects(client: MarketoClient, twin: Instance) -> None:
    """A type from its draft to its records and its end."""
    types, objects = client.custom_object_types, client.custom_objects
    for name in ("car", "van"):
        document = {"apiName": name, "displayName": name.title(), "pluralName": f"{name.title()}s", "description": "D"}
        types.sync(document | {"action": "createOnly", "showInLeadDetail": True})
        types.add_fields(name, CAR_FIELDS)
    types.delete_fields("car", ["colour"])
    types.approve("car")
    types.add_fields("car", [{"name": "seats", "displayName": "Seats", "dataType": "integer"}])
    types.discard_draft("car")
    list(types.list())
    list(types.list(["van"], "draft"))
    types.describe("van", "draft")
    types.describe("car")
    types.delete("van")
    list(objects.list())
    list(objects.list(["car"]))
    [lead] = twin.load("leads", {"email": "driver@example.com"})
    cars = objects("car")
    cars.describe()
    cars.sync([{"vin": "V-1", "owner": lead}, {"vin": "V-2", "owner": 999_999}])
    list(cars.by_keys([{"vin": "V-1"}], ["vin", "owner", "createdAt"]))
    cars.delete([{"vin": "V-1"}, {"vin": "V-9"}])
    cars.sync([{"vin": "V-3", "owner": lead}])


def bulk(client: MarketoClient, twin: Instance) -> None:
    """Every kind of extract and import, to their files."""
    [lead], [program] = twin.load("leads", {"email": "bulk@example.com"}), twin.load("programs", {"name": "Bulk"})
    twin.load("programMembers", {"programId": program, "leadId": lead, "statusName": "Invited"})
    day = window("createdAt", LONG_AGO, START + timedelta(days=1))
    verbs = client.bulk
    extract(twin, verbs.lead_exports, day, ["id", "email"])
    extract(twin, verbs.activity_exports, day | {"activityTypeIds": [12]}, [])
    extract(twin, verbs.member_exports, {"programId": program}, ["leadId", "statusName"])
    extract(twin, verbs.object_exports("car"), window("updatedAt", LONG_AGO, START + timedelta(days=1)), ["vin"])
    content = b"email,firstName,leadScore\nimport@example.com,I,1\nbad@example.com,B,many\nno address,N,2\n"
    job = verbs.lead_imports.create_leads(content, lookup_field="email", partition="Default")
    imported(twin, verbs.lead_imports, job.batch_id)
    job = verbs.object_imports("car").create(f"vin,owner\nV-9,{lead}\nV-8,999999\n".encode())
    imported(twin, verbs.object_imports("car"), job.batch_id)
    job = verbs.member_imports(program).create_members(b'email\nbulk@example.com\n""\n', status="Attended")
    imported(twin, verbs.member_imports(program), job.batch_id)


def extract(twin: Instance, verbs: Exports, filters: Mapping[str, Any], fields: list[str]) -> None:
    """One job to its file, and one that is given up."""
    made = verbs.create(filters, fields=fields)
    verbs.enqueue(made.export_id)
    verbs.enqueue(made.export_id)
    verbs.cancel(verbs.create(filters, fields=fields).export_id)
    twin.later(120)
    assert verbs.status(made.export_id).status == "Completed"
    with suppress(PermanentError):
        b"".join(verbs.whole_file("there-is-none"))
    assert b"".join(verbs.whole_file(made.export_id))
    b"".join(verbs.file(made.export_id, start=2, stop=4))
    list(verbs.jobs())
    list(verbs.jobs(["completed"]))


def imported(twin: Instance, verbs: Imports, batch_id: int) -> None:
    """One import to its files of failures and warnings."""
    twin.later(60)
    assert verbs.status(batch_id).status == "Complete"
    b"".join(verbs.failures(batch_id))
    b"".join(verbs.warnings(batch_id))
