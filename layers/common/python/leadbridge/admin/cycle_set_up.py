"""Routes that set a CRM cycle up: store it, draft one, and what a system lacks of an object that it is to keep."""

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Annotated

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.openapi.params import Path

from leadbridge.admin import cycle_models, models
from leadbridge.admin.common import described
from leadbridge.admin.connections import summary_of_connection
from leadbridge.admin.documents import store
from leadbridge.admin.problems import missing, refused
from leadbridge.admin.services import Services
from leadbridge.domain.object_package import folder
from leadbridge.usecases.provision_object import ForMarketo, lacking_in_marketo, lacking_in_salesforce, made

CycleId = Annotated[models.Id, Path()]
_TAG = "CRM cycles"
_NO_API = "This Marketo subscription has no API that makes custom objects; make it in Admin > Custom Objects."
#: the first moment that an archive can hold: the same plan is the same file
_BEGINNING = (1980, 1, 1, 0, 0, 0)


def add_routes(app: APIGatewayRestResolver, services: Services) -> None:
    """Add the routes."""

    @app.put("/cycles/<cycle_id>", **described("Store a CRM cycle", tag=_TAG))
    def put_cycle(cycle_id: CycleId, given: cycle_models.PutCycle) -> models.Applied:
        """Checked like `apply`: with findings nothing is stored, unless as a draft. A new cycle is not active."""
        document = {"kind": "crm_cycle", "id": cycle_id} | given.document
        if (document["kind"], document["id"]) != ("crm_cycle", cycle_id):
            pointer = "/document/kind" if document["kind"] != "crm_cycle" else "/document/id"
            raise refused(422, "invalid", "The document is not the cycle of the address.", pointer=pointer)
        return store(
            app, services, [document], draft=given.draft, note=given.note, expected=given.expected_version
        ).documents[0]

    @app.post("/cycles/propose", **described("Draft a CRM cycle", tag=_TAG))
    def propose_cycle(given: cycle_models.ProposeCycle) -> cycle_models.CycleProposal:
        """Out of what both systems describe now; at most eight calls, and nothing is stored."""
        _check_ends(services, given)
        found = services.propose_cycle(given.marketo, given.salesforce, given.mode)
        notes = [cycle_models.ProposalNote(pointer=each.pointer, what=each.what) for each in found.found]
        return cycle_models.CycleProposal(document=found.document, notes=notes)

    _add_provisioning(app, services)


def _add_provisioning(app: APIGatewayRestResolver, services: Services) -> None:
    @app.post("/cycles/provisioning", **described("What a system lacks of a custom object", tag=_TAG))
    def plan_provisioning(given: cycle_models.Provision) -> cycle_models.Provisioning:
        """Of an object that the other system has, by what both describe now; nothing is made.

        What Salesforce lacks comes as a folder that an administrator deploys, a ZIP file in Base64.
        """
        if given.lacking == "marketo":
            return _for_marketo(_lacking(services, given))
        _check_ends(services, given)
        instance, org = services.clients.marketo(given.marketo), services.clients.salesforce(given.salesforce)
        found = lacking_in_salesforce(instance, org, given.object, given.name)
        plan = found.plan
        whole = plan.exists and not plan.fields
        return cycle_models.Provisioning(
            api_name=plan.api_name,
            exists=plan.exists,
            lines=list(plan.lines()),
            wrong=[],
            lacks=not whole,
            makes=False,
            package=None if whole else _zipped(folder(plan)),
            document=dict(found.document),
        )

    @app.post("/cycles/provisioning/make", **described("Make a custom object in Marketo", tag=_TAG))
    def make_object(given: cycle_models.MakeObject) -> cycle_models.Provisioning:
        """What the plan of the same members says, by Marketo's own API; from then on it takes records."""
        found = _lacking(services, given)
        wrong = found.plan.wrong if found.by_api else (_NO_API,)
        if wrong:
            raise refused(409, "not_possible", " ".join(wrong), remedy="Make it by hand, and name it in the cycle.")
        if found.plan.lacks:
            made(services.clients.marketo(given.marketo), found.plan)
        return _for_marketo(found)


def _check_ends(services: Services, given: cycle_models.CycleEnds) -> None:
    for kind, connection in (("marketo", given.marketo), ("salesforce", given.salesforce)):
        if summary_of_connection(services, connection).kind != kind:
            raise missing(f"{kind.capitalize()} connection {connection}", "List the connections, and correct the id.")


def _lacking(services: Services, given: cycle_models.MakeObject) -> ForMarketo:
    _check_ends(services, given)
    instance, org = services.clients.marketo(given.marketo), services.clients.salesforce(given.salesforce)
    return lacking_in_marketo(instance, org, given.object, given.name)


def _for_marketo(found: ForMarketo) -> cycle_models.Provisioning:
    plan = found.plan
    wrong = list(plan.wrong) if found.by_api else [_NO_API]
    return cycle_models.Provisioning(
        api_name=plan.api_name,
        exists=plan.exists,
        lines=list(plan.lines()),
        wrong=wrong if plan.lacks else [],
        lacks=plan.lacks,
        makes=plan.lacks and not wrong,
        package=None,
        document=dict(found.document),
    )


def _zipped(files: Mapping[str, str]) -> str:
    """Files by their paths as one archive in Base64."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path, _BEGINNING), text, zipfile.ZIP_DEFLATED)
    return base64.b64encode(written.getvalue()).decode()
