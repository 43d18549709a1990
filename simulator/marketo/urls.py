"""Which path and method leads to which handler."""

from __future__ import annotations

from starlette.routing import Route

from simulator.marketo.models.instance import Instance
from simulator.marketo.responses.activities import ActivityResponses
from simulator.marketo.responses.assets import AssetHandler, AssetResponses, asset_endpoint
from simulator.marketo.responses.campaigns import CampaignResponses
from simulator.marketo.responses.custom_objects import CustomObjectResponses
from simulator.marketo.responses.envelope import Handler, endpoint, file_endpoint
from simulator.marketo.responses.exports import ExportResponses
from simulator.marketo.responses.fields import FieldResponses
from simulator.marketo.responses.folders import FolderResponses
from simulator.marketo.responses.identity import IdentityResponses
from simulator.marketo.responses.imports import ImportResponses
from simulator.marketo.responses.leads import LeadResponses
from simulator.marketo.responses.lifecycle import LifecycleResponses
from simulator.marketo.responses.memberships import MembershipResponses
from simulator.marketo.responses.objects import CrmResponses
from simulator.marketo.responses.programs import ProgramResponses
from simulator.marketo.responses.stats import StatsResponses

IDENTITY_PATH = "/identity/oauth/token"
CRM_PATHS = {
    "companies": "companies",
    "opportunities": "opportunities",
    "opportunities/roles": "opportunityRoles",
    "salespersons": "salesPersons",
}


def make_routes(instance: Instance) -> list[Route]:
    """Give the routes of the API; the busiest first."""
    leads, activities = LeadResponses(instance), ActivityResponses(instance)
    memberships, stats = MembershipResponses(instance), StatsResponses(instance)
    campaigns = CampaignResponses(instance)
    lifecycle = LifecycleResponses(instance)
    custom_type = "activities/external/type/{api_name}"
    table: list[tuple[str, str, Handler]] = [
        ("GET", "leads.json", leads.by_filter),
        ("POST", "leads.json", leads.sync),
        ("POST", "activities/external.json", activities.add),
        ("GET", "activities.json", activities.activities),
        ("GET", "lead/{lead_id}.json", leads.by_id),
        ("GET", "leads/describe.json", leads.describe),
        ("GET", "leads/describe2.json", leads.describe2),
        ("GET", "activities/types.json", activities.types),
        ("GET", "activities/pagingtoken.json", activities.paging_token),
        ("GET", "activities/external/types.json", activities.custom_types),
        ("POST", "activities/external/type.json", activities.create_type),
        ("POST", f"{custom_type}.json", activities.update_type),
        ("POST", f"{custom_type}/delete.json", activities.delete_type),
        ("POST", f"{custom_type}/attributes/update.json", activities.update_attributes),
        ("POST", f"{custom_type}/attributes/delete.json", activities.delete_attributes),
        ("GET", f"{custom_type}/describe.json", activities.describe_type),
        ("POST", f"{custom_type}/approve.json", activities.approve_type),
        ("POST", f"{custom_type}/discardDraft.json", activities.discard_draft),
        ("POST", f"{custom_type}/attributes/create.json", activities.create_attributes),
        ("GET", "lists.json", memberships.lists),
        ("GET", "lists/{list_id}.json", memberships.list_by_id),
        ("GET", "lists/{list_id}/leads.json", memberships.list_members),
        ("GET", "list/{list_id}/leads.json", memberships.list_members),
        ("POST", "lists/{list_id}/leads.json", memberships.add_to_list),
        ("DELETE", "lists/{list_id}/leads.json", memberships.remove_from_list),
        ("GET", "lists/{list_id}/leads/ismember.json", memberships.is_member),
        ("POST", "programs/{program_id}/members/status.json", memberships.set_status),
        ("GET", "programs/{program_id}/members.json", memberships.program_members),
        ("POST", "programs/{program_id}/members/delete.json", memberships.delete_members),
        ("GET", "programs/members/describe.json", memberships.describe_members),
        ("GET", "program/members/describe.json", memberships.describe_members_briefly),
        ("POST", "programs/{program_id}/members.json", campaigns.update_members),
        ("GET", "campaigns.json", campaigns.campaigns),
        ("GET", "campaigns/{campaign_id}.json", campaigns.campaign),
        ("POST", "campaigns/{campaign_id}/trigger.json", campaigns.trigger),
        ("POST", "campaigns/{campaign_id}/schedule.json", campaigns.schedule),
        ("POST", "leads/delete.json", lifecycle.delete),
        ("DELETE", "leads.json", lifecycle.delete),
        ("POST", "leads/push.json", lifecycle.push),
        ("GET", "leads/partitions.json", lifecycle.partitions),
        ("POST", "leads/partitions.json", lifecycle.move),
        ("POST", "leads/{lead_id}/merge.json", lifecycle.merge),
        ("POST", "leads/{lead_id}/associate.json", lifecycle.associate),
        ("GET", "leads/{lead_id}/listMembership.json", lifecycle.list_membership),
        ("GET", "leads/{lead_id}/programMembership.json", lifecycle.program_membership),
        ("GET", "leads/{lead_id}/smartCampaignMembership.json", lifecycle.campaign_membership),
        ("GET", "leads/programs/{program_id}.json", lifecycle.by_program),
        ("POST", "leads/programs/{program_id}/status.json", memberships.change_status),
        ("GET", "activities/leadchanges.json", activities.lead_changes),
        ("GET", "activities/deletedleads.json", activities.deleted_leads),
        ("GET", "stats/usage.json", stats.usage),
        ("GET", "stats/usage/last7days.json", stats.usage_last_days),
        ("GET", "stats/errors.json", stats.errors),
        ("GET", "stats/errors/last7days.json", stats.errors_last_days),
    ]
    table += FieldResponses(instance).rows()
    crm = CrmResponses(instance)
    for base, name in CRM_PATHS.items():
        table += _object_rows(base, crm.handlers(name))
    table += _custom_object_rows(CustomObjectResponses(instance))
    identity = IdentityResponses(instance)
    return [
        *(Route(f"/rest/v1/{path}", endpoint(handler), methods=[method]) for method, path, handler in table),
        *_asset_routes(instance),
        *_bulk_routes(instance),
        Route(IDENTITY_PATH, identity.token, methods=["GET", "POST"]),
    ]


def _object_rows(base: str, handlers: dict[str, Handler]) -> list[tuple[str, str, Handler]]:
    return [
        ("GET", f"{base}/describe.json", handlers["describe"]),
        ("GET", f"{base}.json", handlers["query"]),
        ("POST", f"{base}.json", handlers["sync"]),
        ("POST", f"{base}/delete.json", handlers["delete"]),
    ]


def _custom_object_rows(custom: CustomObjectResponses) -> list[tuple[str, str, Handler]]:
    one, schema = "customobjects/{api_name}", "customobjects/schema"
    # the schema comes first: its paths look like those of an object of that name
    return [
        ("GET", f"{schema}.json", custom.types),
        ("POST", f"{schema}.json", custom.sync_type),
        ("GET", f"{schema}/fieldDataTypes.json", custom.data_types),
        ("GET", f"{schema}/linkableObjects.json", custom.linkable),
        ("GET", f"{schema}/{{api_name}}/describe.json", custom.describe_type),
        ("POST", f"{schema}/{{api_name}}/addField.json", custom.add_fields),
        ("POST", f"{schema}/{{api_name}}/deleteField.json", custom.delete_fields),
        ("POST", f"{schema}/{{api_name}}/{{field_name}}/updateField.json", custom.update_field),
        ("GET", f"{schema}/{{api_name}}/dependentAssets.json", custom.dependent_assets),
        ("POST", f"{schema}/{{api_name}}/approve.json", custom.approve),
        ("POST", f"{schema}/{{api_name}}/discardDraft.json", custom.discard_draft),
        ("POST", f"{schema}/{{api_name}}/delete.json", custom.delete_type),
        ("GET", "customobjects.json", custom.objects),
        ("GET", f"{one}/describe.json", custom.describe),
        ("GET", f"{one}.json", custom.query),
        ("POST", f"{one}.json", custom.sync),
        ("POST", f"{one}/delete.json", custom.delete),
    ]


def _bulk_routes(instance: Instance) -> list[Route]:
    routes: list[Route] = []
    for base in ("leads", "activities", "program/members", "customobjects/{api_name}"):
        exports = ExportResponses(instance, base.removesuffix("/{api_name}"))
        one = f"/bulk/v1/{base}/export/{{export_id}}"
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"/bulk/v1/{base}/export.json", exports.jobs),
            ("POST", f"/bulk/v1/{base}/export/create.json", exports.create),
            ("POST", f"{one}/enqueue.json", exports.enqueue),
            ("POST", f"{one}/cancel.json", exports.cancel),
            ("GET", f"{one}/status.json", exports.status),
        ]
        # bulk answers are never compressed
        routes += [Route(path, endpoint(handler, compress=False), methods=[method]) for method, path, handler in table]
        routes.append(Route(f"{one}/file.json", file_endpoint(exports.file), methods=["GET"]))
    return routes + _import_routes(ImportResponses(instance))


def _import_routes(imports: ImportResponses) -> list[Route]:
    leads, members = "/bulk/v1/leads", "/bulk/v1/program/members/import"
    objects = "/bulk/v1/customobjects/{api_name}/import"
    one = "{batch_id}"
    table: list[tuple[str, str, Handler]] = [
        ("POST", f"{leads}.json", imports.leads),
        ("GET", f"{leads}/batch/{one}.json", imports.lead_status),
        ("POST", "/bulk/v1/program/{program_id}/members/import.json", imports.members),
        ("GET", f"{members}/{one}/status.json", imports.member_status),
        ("POST", f"{objects}.json", imports.objects),
        ("GET", f"{objects}/{one}/status.json", imports.object_status),
    ]
    routes = [Route(path, endpoint(handler, compress=False), methods=[method]) for method, path, handler in table]
    for base in (f"{leads}/batch", members, objects):
        routes.append(Route(f"{base}/{one}/failures.json", file_endpoint(imports.failures), methods=["GET"]))
        routes.append(Route(f"{base}/{one}/warnings.json", file_endpoint(imports.warnings), methods=["GET"]))
    return routes


def _asset_routes(instance: Instance) -> list[Route]:
    assets = AssetResponses(instance)
    table: list[tuple[str, str, AssetHandler]] = [
        *ProgramResponses(instance).rows(),
        *FolderResponses(instance).rows(),
        ("GET", "folder/{asset_id}/tokens.json", assets.tokens),
        ("POST", "folder/{asset_id}/tokens.json", assets.set_token),
        ("POST", "folder/{asset_id}/tokens/delete.json", assets.delete_token),
        ("GET", "smartCampaigns.json", assets.campaigns),
        ("GET", "smartCampaign/byName.json", assets.campaign_by_name),
        ("GET", "smartCampaign/{asset_id}.json", assets.campaign),
        ("POST", "smartCampaign/{asset_id}/activate.json", assets.activate),
        ("POST", "smartCampaign/{asset_id}/deactivate.json", assets.deactivate),
    ]
    return [
        Route(f"/rest/asset/v1/{path}", asset_endpoint(handler), methods=[method]) for method, path, handler in table
    ]
