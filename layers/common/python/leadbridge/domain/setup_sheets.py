"""What a person clicks at Marketo and Salesforce before a connection can be used, step by step."""

from collections.abc import Mapping, Sequence

from leadbridge.domain.action import MarketoConnection, SalesforceConnection

APP = "Leadbridge"
PERMISSION_SET = "Leadbridge"
#: written to where no Action says otherwise
STANDARD_FIELDS = ("salesforceId", "leadbridgeStatus")

_MARKETO = """
Admin > Users & Roles > Roles > New Role `Leadbridge API`. Under Access API tick:
{permissions}

Admin > Users & Roles > Users > Invite New User: role `Leadbridge API`, tick `API Only`. Use this user for nothing
   else: Marketo counts usage per user, and bulk jobs are visible to their creator only.

Admin > Integration > LaunchPoint > New Service: service `Custom`, the API-only user. View Details shows client id and
   secret: leadbridge connections secret {connection}

Admin > Integration > Web Services: the REST endpoint, with or without /rest, is `base_url`, now {base_url}.
   The same page shows the calls a day that the subscription has: they belong into `MarketoDailyCalls`.

Is there an IP allow-list for API access on that page? Functions have no fixed address unless your network gives them
   one: leave the list off, or put that address on it.

Fields that Actions, Syncs and CRM cycles write to, with their SOAP names, which the response mappings of webhooks want:
{fields}

Try it: leadbridge connections test {connection}
"""

_SALESFORCE = f"""
Deploy the folder: cd {{output}} && sf project deploy start --manifest manifest/package.xml --target-org ORG

Create an integration user (licence Salesforce Integration, profile Minimum Access - API Only Integrations) with the
   username {{username}}; or change `username` in the connection's document.

Give that user the permission set {PERMISSION_SET}: Setup > Users > Permission Set Assignments.

Setup > External Client App Manager > {APP} > Settings > OAuth Settings: tick `Enable JWT Bearer Flow`; the certificate
   is there already. It ends in five years, and Salesforce does not warn.

The same app > Policies > OAuth Policies: `Permitted Users` = Admin approved users are pre-authorized; then add the
   permission set {PERMISSION_SET} under App Policies.

The same app > Settings > OAuth Settings > Consumer Key and Secret: put the key into `client_id` of the connection's
   document and apply it. A new app needs up to ten minutes before it signs anybody in.

Try it: leadbridge connections test {{connection}}
"""


def marketo_steps(
    connection: MarketoConnection, permissions: Mapping[str, Sequence[str]], fields: Sequence[tuple[str, str]]
) -> list[str]:
    """What a person does in Marketo Admin. `fields` are REST and SOAP names of write-back fields."""
    text = _MARKETO.format(
        permissions="\n".join(f"     {name}  (for {', '.join(uses)})" for name, uses in sorted(permissions.items())),
        fields="\n".join(f"     {rest:<32}{soap}" for rest, soap in fields),
        connection=connection.id,
        base_url=connection.base_url,
    )
    return text.strip().split("\n\n")


def salesforce_steps(connection: SalesforceConnection, *, output: str) -> list[str]:
    """What a person does with the folder `output` and in Setup."""
    text = _SALESFORCE.format(output=output, username=connection.username, connection=connection.id)
    return text.strip().split("\n\n")


def numbered(steps: Sequence[str]) -> list[str]:
    """The steps as a sheet counts them."""
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]
