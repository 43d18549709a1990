"""What an org needs before Leadbridge can write to it, as a folder that Salesforce's own command line deploys.

The folder is a project in Salesforce's source format: an External Client App (connected apps can no longer be created)
with the certificate of our signing key, a permission set with the objects and fields that Actions and Syncs use and no
others, and unique External Id fields that make creates repeatable. Types and members: Metadata API Developer Guide.
"""

from collections.abc import Iterable, Mapping, Sequence

from leadbridge.domain.action import Action, ActionType, SalesforceConnection
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.evolving import replace
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.salesforce_needs import Need, needs, of_fates
from leadbridge.domain.salesforce_package import METADATA_VERSION, SOURCE, Member, package, project, xml_file
from leadbridge.domain.setup_sheets import APP, PERMISSION_SET, numbered, salesforce_steps
from leadbridge.domain.sync import FlagDeletes, Sync

#: takes our execution id; text of 32 hexadecimal digits, room for a prefix
KEY_FIELD = "LeadbridgeKey__c"
KEY_LENGTH = 64
#: fields of tasks and events are fields of their common parent
PARENTS = {"Task": "Activity", "Event": "Activity"}
#: objects without permissions of their own: whoever may see and edit these may see and edit them, too
_AS_THEIR = {
    "CampaignMember": "Campaign",
    "CampaignMemberStatus": "Campaign",
    "OpportunityContactRole": "Opportunity",
}
#: the same of what a permission of the user opens, if it is written; a User is seen by everybody
_BY_USER: Mapping[str, str | None] = {"Task": "EditTask", "Event": "EditEvent", "User": None}
#: Salesforce takes no permission to read these without one to read the other
_NOT_WITHOUT = {"Contact": "Account", "Opportunity": "Account"}
#: Salesforce refuses field permissions for what every user of the object must see; used where Describe cannot be asked
_NEVER_PERMITTED = frozenset(
    {"Id", "Name", "OwnerId", "LastName", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"}
    | {"SystemModstamp", "IsDeleted", "IsConverted", "ConvertedLeadId", "ConvertedContactId", "ConvertedAccountId"}
)
_REQUIRED = {
    "Lead": {"Company", "Status"},
    "Opportunity": {"StageName", "CloseDate", "ForecastCategoryName"},
    "Task": {"Status", "Priority"},
    "CampaignMember": {"CampaignId", "LeadId", "ContactId"},
    "CampaignMemberStatus": {"CampaignId", "Label", "HasResponded"},
}


def flag_fields(
    connection: str,
    syncs: Iterable[Sync],
    cycles: Iterable[CrmCycle],
    described: Mapping[str, ObjectDescription],
) -> list[tuple[str, str]]:
    """Object and name of the yes/no fields that mark records whose source was deleted or merged, as far as missing."""
    wanted = {
        (each.destination.object, each.deletes.flag)
        for each in syncs
        if each.destination.connection == connection and isinstance(each.deletes, FlagDeletes)
    }
    wanted |= {(name, flag) for name, need in of_fates(connection, cycles) for flag in need.written}
    return sorted(
        (name, flag)
        for name, flag in wanted
        if flag.endswith("__c") and (name not in described or flag not in described[name].fields)
    )


def folder(
    connection: SalesforceConnection,
    actions: Sequence[Action],
    syncs: Sequence[Sync] = (),
    cycles: Sequence[CrmCycle] = (),
    *,
    certificate: str,
    contact_email: str,
    described: Mapping[str, ObjectDescription],
) -> dict[str, str]:
    """The files by their path below the folder. `described` holds the objects that Describe could be asked about."""
    used = needs(connection.id, actions, syncs, cycles)
    keys = key_fields(actions, described, syncs)
    flags = flag_fields(connection.id, syncs, cycles, described)
    files = {
        "sfdx-project.json": project(),
        "manifest/package.xml": _manifest([*keys.items(), *flags]),
        f"{SOURCE}/externalClientApps/{APP}.eca-meta.xml": xml_file(
            "ExternalClientApplication",
            [
                ("contactEmail", contact_email),
                ("description", f"Leadbridge, connection {connection.id}"),
                ("distributionState", "Local"),
                ("isProtected", False),
                ("label", APP),
            ],
        ),
        f"{SOURCE}/extlClntAppGlobalOauthSets/{APP}_global.ecaGlblOauth-meta.xml": xml_file(
            "ExtlClntAppGlobalOauthSettings",
            [
                ("callbackUrl", "https://login.salesforce.com/services/oauth2/success"),
                ("certificate", certificate.strip()),
                ("externalClientApplication", APP),
                ("isConsumerSecretOptional", False),
                ("isIntrospectAllTokens", False),
                ("isPkceRequired", True),
                ("isSecretRequiredForRefreshToken", True),
                ("label", f"{APP} global"),
                ("shouldRotateConsumerKey", False),
                ("shouldRotateConsumerSecret", False),
            ],
        ),
        f"{SOURCE}/extlClntAppOauthSettings/{APP}_oauth.ecaOauth-meta.xml": xml_file(
            "ExtlClntAppOauthSettings",
            [
                ("commaSeparatedOauthScopes", "Api,RefreshToken"),
                ("externalClientApplication", APP),
                ("label", f"{APP} OAuth"),
            ],
        ),
        f"{SOURCE}/permissionsets/{PERMISSION_SET}.permissionset-meta.xml": _permission_set(used, keys, described),
    }
    for sobject, name in keys.items():
        files[f"{SOURCE}/objects/{_parent(sobject)}/fields/{name}.field-meta.xml"] = _key_field(name)
    for sobject, name in flags:
        files[f"{SOURCE}/objects/{_parent(sobject)}/fields/{name}.field-meta.xml"] = _flag_field(name)
    return files


def key_fields(
    actions: Sequence[Action], described: Mapping[str, ObjectDescription], syncs: Sequence[Sync] = ()
) -> dict[str, str]:
    """The External Id field by object, for each that Actions create and for Task: named by a document, or ours."""
    named = {
        action.destination.object: action.destination.idempotency_field
        for action in actions
        if action.destination.idempotency_field
    }
    for link in (link for action in actions for link in action.chained or ()):
        if link.idempotency_field:
            named.setdefault(link.object, link.idempotency_field)
    for sync in syncs:
        if sync.destination.idempotency_field:
            named.setdefault(sync.destination.object, sync.destination.idempotency_field)
    created = [action.destination.object for action in actions if action.type is not ActionType.UPDATE]
    wanted = {sobject: named.get(sobject, KEY_FIELD) for sobject in [*created, *named, "Task"]}
    return {
        sobject: name
        for sobject, name in sorted(wanted.items())
        if name.endswith("__c") and (sobject not in described or name not in described[sobject].fields)
    }


def sheet(
    connection: SalesforceConnection,
    actions: Sequence[Action],
    *,
    output: str,
    described: Mapping[str, ObjectDescription],
) -> list[str]:
    """What a person does with the folder, step by step; what no metadata can set must be clicked."""
    bare = [
        action.id for action in actions if action.type is ActionType.CREATE and not action.destination.idempotency_field
    ]
    steps = salesforce_steps(connection, output=output)
    if bare and key_fields(actions, described):
        steps.append(
            f"To make creates repeatable beyond doubt, name the new field as `destination.idempotency_field` in: "
            f"{', '.join(bare)}."
        )
    return numbered(steps)


def announcement(connection: SalesforceConnection, objects: Iterable[str], *, address: str) -> dict[str, str]:
    """Files that have the org announce each new and changed record of these objects: a message, and a flow to send it.

    A message holds the record's id and nothing else. The flow names the message, which must be there before it.
    """
    wanted = sorted(set(objects))
    files = {
        "manifest/outbound-messages.xml": package(
            {"WorkflowOutboundMessage": [f"{name}.{APP}_{name}" for name in wanted]}
        ),
        "manifest/flows.xml": package({"Flow": [f"{APP}_{name}" for name in wanted]}),
    }
    for name in wanted:
        label = f"{APP} {name}"
        message: list[Member] = [
            ("fullName", f"{APP}_{name}"),
            ("apiVersion", METADATA_VERSION),
            ("description", f"Announces changes to Leadbridge, connection {connection.id}"),
            ("endpointUrl", address),
            ("fields", "Id"),
            ("includeSessionId", False),
            # whose eyes the record is seen with; the field is required, whatever the login
            ("integrationUser", connection.username or "USERNAME"),
            ("name", label),
            ("protected", False),
            ("useDeadLetterQueue", False),
        ]
        files[f"{SOURCE}/workflows/{name}.workflow-meta.xml"] = xml_file("Workflow", [("outboundMessages", message)])
        call: list[Member] = [
            ("name", "Announce"),
            ("label", "Announce"),
            ("locationX", 176),
            ("locationY", 323),
            ("actionName", f"{name}.{APP}_{name}"),
            ("actionType", "outboundMessage"),
        ]
        start: list[Member] = [
            ("locationX", 50),
            ("locationY", 0),
            ("connector", [("targetReference", "Announce")]),
            ("object", name),
            ("recordTriggerType", "CreateAndUpdate"),
            ("triggerType", "RecordAfterSave"),
        ]
        files[f"{SOURCE}/flows/{APP}_{name}.flow-meta.xml"] = xml_file(
            "Flow",
            [
                ("actionCalls", call),
                ("apiVersion", METADATA_VERSION),
                ("label", label),
                ("processType", "AutoLaunchedFlow"),
                ("start", start),
                ("status", "Active"),
            ],
        )
    return files


def announcement_steps(connection: SalesforceConnection, *, output: str, number: int) -> list[str]:
    """What a person does with those files, numbered from there on."""
    deploy = "sf project deploy start --target-org ORG --manifest manifest"
    user = connection.username or "the integration user"
    deployed = f"cd {output} && {deploy}/outbound-messages.xml && {deploy}/flows.xml"
    steps = [
        f"Have the org announce changes: {deployed}; the address in them is a secret, so keep the folder to yourself.",
        f"In the profile of {user}, `Send Outbound Messages` stays off: what Leadbridge writes is no news to it.",
    ]
    if connection.organization_id is None:
        steps.append(
            "Setup > Company Information > Salesforce.com Organization ID: put it into `organization_id` of the "
            "connection's document and apply it. Until then every message is refused, and Salesforce sends it again."
        )
    steps.append(
        "Setup > Outbound Messages > View Message Delivery Status: a message that waits there was refused, and its "
        "`Failure Reason` says how: 401 the address is not right, 403 the organization is another one."
    )
    return [f"{place}. {text}" for place, text in enumerate(steps, number)]


def _permission_set(
    used: Mapping[str, Need], keys: Mapping[str, str], described: Mapping[str, ObjectDescription]
) -> str:
    fields: dict[str, bool] = {}
    objects: list[Member] = []
    own, by_user = _permitted(used)
    for sobject, use in sorted(own.items()):
        objects.append(
            (
                "objectPermissions",
                [
                    ("allowCreate", use.create),
                    ("allowDelete", use.delete),
                    ("allowEdit", use.edit),
                    ("allowRead", True),
                    ("modifyAllRecords", False),
                    ("object", sobject),
                    # a match must find every record, or a person is created twice
                    ("viewAllRecords", True),
                ],
            )
        )
    for sobject, use in used.items():
        written = use.written | ({keys[sobject]} if sobject in keys else set())
        for name in written | use.read:
            if _permissionable(sobject, name, described):
                fields[f"{sobject}.{name}"] = name in written
    members: list[Member] = [("description", "The objects and fields that Leadbridge uses.")]
    members += [
        ("fieldPermissions", [("editable", edit), ("field", name), ("readable", True)])
        for name, edit in sorted(fields.items())
    ]
    members += [("hasActivationRequired", False), ("label", PERMISSION_SET), *objects]
    members += [("userPermissions", [("enabled", True), ("name", name)]) for name in sorted({"ApiEnabled", *by_user})]
    return xml_file("PermissionSet", members)


def _permitted(used: Mapping[str, Need]) -> tuple[Mapping[str, Need], Sequence[str]]:
    """What is wanted of objects that have permissions of their own, and the permissions of the user for others."""
    nothing = Need(create=False, edit=False, written=frozenset(), read=frozenset())
    own = {name: use for name, use in used.items() if name not in _AS_THEIR and name not in _BY_USER}
    written = {name for name, use in used.items() if use.create or use.edit or use.delete}
    for name in used.keys() & _AS_THEIR.keys():
        parent = _AS_THEIR[name]
        before = own.get(parent, nothing)
        own[parent] = replace(before, edit=before.edit or name in written)
    for parent in [_NOT_WITHOUT[name] for name in own if name in _NOT_WITHOUT]:
        own.setdefault(parent, nothing)
    return own, [wanted for name in written if (wanted := _BY_USER.get(name))]


def _permissionable(sobject: str, name: str, described: Mapping[str, ObjectDescription]) -> bool:
    known = described[sobject].fields.get(name) if sobject in described else None
    if known is not None:
        return known.permissionable
    return "." not in name and name not in _NEVER_PERMITTED and name not in _REQUIRED.get(sobject, ())


def _key_field(name: str) -> str:
    return xml_file(
        "CustomField",
        [
            ("fullName", name),
            ("caseSensitive", False),
            ("description", "The Leadbridge execution that made this record; unique, so that nothing is made twice."),
            ("externalId", True),
            ("label", "Leadbridge Key"),
            ("length", KEY_LENGTH),
            ("required", False),
            ("type", "Text"),
            ("unique", True),
        ],
    )


def _flag_field(name: str) -> str:
    return xml_file(
        "CustomField",
        [
            ("fullName", name),
            ("defaultValue", False),
            ("description", "Set by Leadbridge when what the record comes from was deleted or merged."),
            ("label", " ".join(name.removesuffix("__c").split("_"))),
            ("type", "Checkbox"),
        ],
    )


def _manifest(fields: Iterable[tuple[str, str]]) -> str:
    listed = {
        "CustomField": [f"{_parent(sobject)}.{name}" for sobject, name in fields],
        "ExternalClientApplication": [APP],
        "ExtlClntAppGlobalOauthSettings": [f"{APP}_global"],
        "ExtlClntAppOauthSettings": [f"{APP}_oauth"],
        "PermissionSet": [PERMISSION_SET],
    }
    return package(listed)


def _parent(sobject: str) -> str:
    return PARENTS.get(sobject, sobject)
