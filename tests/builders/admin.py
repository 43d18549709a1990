"""The admin API on in-memory ports, and the proxy events that API Gateway would send it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any

from leadbridge.admin.app import AdminApi
from leadbridge.admin.services import Services
from leadbridge.cycle_ports import Looked
from leadbridge.domain.action import Configuration
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.limits import State
from leadbridge.domain.marketo import ObjectField, ObjectType
from leadbridge.domain.preflight import Finding
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.three_way import Side
from leadbridge.errors import AuthenticationError, PermanentError
from leadbridge.usecases.apply_configuration import ApplyConfiguration
from leadbridge.usecases.catalogue import Catalogue, CatalogueObject
from leadbridge.usecases.check_connection import CheckConnection
from leadbridge.usecases.connection_secrets import ConnectionSecrets
from leadbridge.usecases.count_outcomes import CountOutcomes
from leadbridge.usecases.cycle_planned import CyclePlanned
from leadbridge.usecases.cycle_results import CycleResults
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.failed_callbacks import FailedCallbacks
from leadbridge.usecases.forget_person import LOGGED, STATE, ForgetPerson
from leadbridge.usecases.lint_attribution import LintAttribution
from leadbridge.usecases.list_connections import ListConnections
from leadbridge.usecases.order_erasure import OrderErasure, answered
from leadbridge.usecases.overview import ShowOverview
from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.price_cycle import PriceCycle
from leadbridge.usecases.price_sync import PriceSync
from leadbridge.usecases.propose_cycle import ProposeCycle
from leadbridge.usecases.quotas import MarketoDay
from leadbridge.usecases.redrive import Redrive
from leadbridge.usecases.redrive_many import RedriveMany
from leadbridge.usecases.search_executions import SearchExecutions
from leadbridge.usecases.setup_sheet import ShowSetup
from leadbridge.usecases.source_facts import SourceFacts
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge.usecases.start_sync import StartSync, vendor_of
from leadbridge.usecases.sync_results import SyncResults
from leadbridge.usecases.try_action import TryAction
from leadbridge.usecases.view_sync import ViewSync
from leadbridge.usecases.webhook_sheet import ShowWebhook
from leadbridge.vendors.connections import VendorLimits
from leadbridge.vendors.marketo.preflight import permissions
from leadbridge.vendors.marketo.quota import next_midnight
from leadbridge.vendors.remedies import remedies
from tests.builders.actions import MARKETO
from tests.builders.events import SECRET
from tests.builders.world import World
from tests.fakes.alerts import InMemoryAlertStore, InMemoryTally, SettableWatch
from tests.fakes.bulk import InMemoryBulkRuns, InMemoryObjects
from tests.fakes.cycle import InMemoryCycleRuns, InMemoryDueRecords, InMemoryLinks
from tests.fakes.journal import InMemoryJournal
from tests.fakes.shelves import InMemoryShelves
from tests.fakes.syncs import FakeDestination, FakeSource, FakeStarter, FakeSyncVendors, InMemorySyncRuns

PRINCIPAL = "arn:aws:iam::123456789012:user/admin"
#: somebody of the user pool
PERSON = "ada@example.com"
#: of the vendors' limits
SHARES = VendorLimits(
    marketo_calls_per_20s=50,
    marketo_daily_calls=50_000,
    marketo_reserve_percent=10,
    marketo_concurrent=5,
    salesforce_concurrent=5,
    salesforce_reserve_percent=0,
    place_seconds=30,
)
#: what the org lists beside Lead
OBJECTS = (
    CatalogueObject(name="Lead", label="Lead", custom=False, createable=True, updateable=True),
    CatalogueObject(name="Gift__c", label="Gift", custom=True, createable=False, updateable=True),
    CatalogueObject(name="LeadHistory", label="Lead History", custom=False, createable=False, updateable=False),
    CatalogueObject(name="Feed", label="Feed", custom=False, createable=False, updateable=False, queryable=False),
)


class ListingOrg:
    """An org that lists its objects, too; counts what it was asked."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.asked: list[str] = []

    def objects(self) -> tuple[CatalogueObject, ...]:
        """All objects that our user sees."""
        self.asked.append("objects")
        return OBJECTS

    def describe(self, object_name: str) -> Any:
        """Fields of an object."""
        self.asked.append(object_name)
        return self._world.salesforce.describe(object_name)


class Described:
    """Clients that tell objects and fields."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.org = ListingOrg(world)

    def marketo(self, connection: str) -> Any:
        """The instance."""
        return self._world.connections.marketo(connection)

    def salesforce(self, connection: str) -> ListingOrg:
        """The org."""
        self._world.connections.salesforce(connection)
        return self.org


class PricedSystems:
    """Clients of both systems for cycles of people, of whom nothing is looked up by keys of other objects."""

    def __init__(self, world: World) -> None:
        self._world = world

    def marketo(self, connection: str) -> Any:
        """The instance."""
        return self._world.connections.marketo(connection)

    def salesforce(self, connection: str) -> Any:
        """The org."""
        return self._world.connections.salesforce(connection)


class InMemoryTypes:
    """The custom objects of an instance, and what was made of them."""

    def __init__(self) -> None:
        self.known: dict[str, ObjectType] = {}
        #: what the subscription's schema API refuses with
        self.refusal: PermanentError | None = None
        self.approved: list[str] = []

    def list(self) -> Sequence[ObjectType]:
        """All of them."""
        if self.refusal:
            raise self.refusal
        return [*self.known.values()]

    def describe(self, api_name: str, /, state: str = "") -> ObjectType:
        """One with its fields."""
        del state
        return self.known[api_name]

    def sync(self, document: Mapping[str, Any], /) -> None:
        """Make a draft."""
        name = document["apiName"]
        self.known[name] = ObjectType(name=name, display_name=document["displayName"], state="draft")

    def add_fields(self, api_name: str, fields: Sequence[Mapping[str, Any]], /) -> None:
        """Give a draft fields."""
        of = [ObjectField(name=each["name"], data_type=each["dataType"]) for each in fields]
        self.known[api_name] = replace(self.known[api_name], fields=(*self.known[api_name].fields, *of))

    def approve(self, api_name: str, /) -> None:
        """Let it take records."""
        self.known[api_name] = replace(self.known[api_name], state="approved")
        self.approved.append(api_name)


class Provisioned:
    """Clients of both systems for objects of one's own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.types = InMemoryTypes()

    def marketo(self, connection: str) -> Any:
        """The instance with its custom objects."""
        return SimpleNamespace(
            describe=self._world.connections.marketo(connection).describe, custom_object_types=self.types
        )

    def salesforce(self, connection: str) -> Any:
        """The org."""
        return self._world.connections.salesforce(connection)


class LookedThrough:
    """Clients that find what a test says, and remember what they were asked."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.asked: list[Any] = []
        self._connection = ""

    def marketo(self, connection: str) -> "LookedThrough":
        """An instance."""
        self._connection = connection
        return self

    salesforce = marketo

    def preflight(self, needs: Any = None, **asked: Any) -> Iterator[Finding]:
        """What there is to find."""
        self.asked.append((self._connection, needs, asked))
        yield from self.findings


class Vault:
    """Credentials in memory."""

    def __init__(self) -> None:
        self.members: dict[str, Mapping[str, str]] = {MARKETO: {"client_id": "1", "client_secret": "2"}}

    def keep(self, name: str, members: Mapping[str, str], /) -> None:
        """Store the credentials of one connection."""
        self.members[name] = {**self.members.get(name, {}), **members}

    def drop(self, name: str, /) -> None:
        """Take them away."""
        self.members.pop(name, None)


class Answered:
    """An answer of the API."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.status: int = answer["statusCode"]
        self.headers: dict[str, list[str]] = answer["multiValueHeaders"]
        self.text: str = answer["body"]
        kind = self.headers.get("Content-Type", ["application/json"])[0]
        self.json: Any = json.loads(self.text) if kind == "application/json" else None


class Admin:
    """The admin API of a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.described = Described(world)
        self.looked = LookedThrough()
        self.provisioned = Provisioned(world)
        self.vault = Vault()
        self.finished = 0
        search = SearchExecutions(
            log=world.log,
            clock=world.clock,
            hash_key=lambda: SECRET,
            configurations=world.configurations,
            lanes=world.lanes,
        )
        redrive = Redrive(
            configurations=world.configurations,
            log=world.log,
            inbox=world.inbox,
            lanes=world.lanes,
            bell=world.bell,
            clock=world.clock,
        )
        #: what Syncs read and write, whatever their connections
        self.source = FakeSource(clock=world.clock.now)
        self.destination = FakeDestination(world.marketo.describe_leads(), "id")
        self.runs = InMemorySyncRuns()
        self.cycle_runs = InMemoryCycleRuns()
        self.bulk_runs = InMemoryBulkRuns(now=world.clock.now)
        #: of the one cycle that there is
        self.links = InMemoryLinks()
        self.due = InMemoryDueRecords()
        self.objects = InMemoryObjects()
        self.journal = InMemoryJournal()
        #: Syncs and cycles whose schedules were to be looked after
        self.kept: list[str] = []
        vendors = FakeSyncVendors(self.source, self.destination)
        view = ViewSync(
            documents=world.configurations,
            runs=self.runs,
            vendors=vendors,
            facts=SourceFacts(connections=world.connections, documents=world.configurations, clock=world.clock),
            vendor=partial(vendor_of, world.configurations),
            clock=world.clock,
        )
        preview = PreviewSync(view=view, runs=self.runs, vendors=vendors)
        #: what is kept of people, and whether an erasure takes longer than a request
        self.shelves = InMemoryShelves()
        self.erases_long = False
        #: what alerts look at, and what they remember
        self.watch = SettableWatch()
        self.tally = InMemoryTally(world.clock.now)
        self.alerts = InMemoryAlertStore()
        outcomes = CountOutcomes(tally=self.tally, clock=world.clock)
        #: what is known of vendor instances' calls
        self.instances: dict[str, State] = {}
        rows = CycleRows(
            documents=world.configurations,
            runs=self.cycle_runs,
            syncs=self.runs,
            objects=self.objects,
            links=lambda _: self.links,
            due=lambda _: self.due,
        )
        self.services = Services(
            configurations=world.configurations,
            outcomes=outcomes,
            overview=ShowOverview(
                configurations=world.configurations,
                connections=ListConnections(configurations=world.configurations, secrets=lambda: {MARKETO}),
                watch=self.watch,
                outcomes=outcomes,
                store=self.alerts,
                clock=world.clock,
                day=MarketoDay(calls=50_000, ends=next_midnight),
                syncs=self.runs,
                cycles=self.cycle_runs,
                extracted=self.bulk_runs,
                stack="prod",
            ),
            apply=ApplyConfiguration(
                configurations=world.configurations, connect=lambda _: world.connections, clock=world.clock
            ),
            connections=ListConnections(configurations=world.configurations, secrets=lambda: self.vault.members),
            check_connection=CheckConnection(configurations=world.configurations, clients=self.looked, shares=SHARES),
            connection_secrets=ConnectionSecrets(configurations=world.configurations, vault=self.vault),
            setup=ShowSetup(
                configurations=world.configurations, permissions=permissions(), soap_names=self._soap_names
            ),
            catalogue=Catalogue(connections=self.described, clock=world.clock),
            trying=TryAction(
                documents=world.configurations,
                connections=world.connections,
                clock=world.clock,
                hash_key=lambda: SECRET,
            ),
            webhook=ShowWebhook(
                leads=self._labelled,
                soap_names=self._soap_names,
                secret=lambda: {"key": "master", "generation": 2},
                api_url="https://hooks.example.com",
            ),
            search=search,
            redrive=RedriveMany(search=search, redrive=redrive, documents=world.configurations),
            callbacks=FailedCallbacks(chunks=world.chunks, clock=world.clock),
            erasing=OrderErasure(
                eraser=self._erase,
                logged=lambda: self.shelves.under(STATE, LOGGED),
                secret=lambda: SECRET,
            ),
            view_sync=view,
            preview_sync=preview,
            price_sync=PriceSync(
                documents=world.configurations,
                preview=preview,
                instances=lambda: self.instances,
                clock=world.clock,
            ),
            start_sync=StartSync(
                documents=world.configurations,
                runs=self.runs,
                vendor=partial(vendor_of, world.configurations),
                starter=FakeStarter(),
                clock=world.clock,
            ),
            sync_results=SyncResults(documents=world.configurations, runs=self.runs, objects=self.objects),
            start_cycle=StartCycle(
                documents=world.configurations,
                runs=self.cycle_runs,
                syncs=self.runs,
                queues=lambda cycle: derived_syncs(cycle)[0],
                due=lambda _: self.due,
                look=self._look,
                starter=FakeStarter(),
                ask_sync=self._no_sync,
                clock=world.clock,
            ),
            cycle_results=CycleResults(documents=world.configurations, runs=self.cycle_runs, syncs=self.runs),
            cycle_rows=rows,
            cycle_planned=CyclePlanned(
                documents=world.configurations,
                runs=self.cycle_runs,
                syncs=self.runs,
                objects=self.objects,
                clock=world.clock,
            ),
            price_cycle=PriceCycle(
                documents=world.configurations,
                connections=PricedSystems(world),
                vendors=vendors,
                facts=SourceFacts(
                    connections=world.connections, documents=WithDerived(world.configurations), clock=world.clock
                ),
                instances=lambda: self.instances,
                clock=world.clock,
            ),
            propose_cycle=ProposeCycle(connections=world.connections),
            clients=self.provisioned,
            attribution=LintAttribution(
                documents=world.configurations,
                connections=PricedSystems(world),
                rows=rows,
                links=lambda _: self.links,
            ),
            journal=self.journal,
            keep_schedule=lambda _kind, identifier: self.kept.append(identifier),
            remedies=remedies,
            clock=world.clock,
            done=self._done,
        )
        self.api = AdminApi(self.services)

    def _look(self, cycle: CrmCycle, since: Mapping[Side, datetime], token: str) -> Looked:
        """No route looks."""
        raise AssertionError(cycle, since, token)

    def _no_sync(self, sync: str, _slot: str, _asked: Asked) -> SyncRun:
        """Runs that nobody carries on have started no Syncs."""
        raise AssertionError(sync)

    def _soap_names(self, connection: str) -> Mapping[str, str]:
        """Those of an instance that lets us in; another one is not set up yet."""
        if connection != MARKETO:
            raise AuthenticationError("refused", vendor="marketo", code="601")
        return {"salesforceId": "SalesforceId"}

    def _labelled(self, connection: str) -> ObjectDescription:
        """The fields of a lead with the labels of which tokens are made."""
        leads = self.world.connections.marketo(connection).describe_leads()
        fields = {name: replace(each, label=f"The {name}") for name, each in leads.fields.items()}
        return replace(leads, fields=fields)

    def _done(self) -> None:
        self.finished += 1

    def _erase(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What the function answers that may read everything, in whose place this stands."""
        forget = ForgetPerson(shelves=self.shelves, secret=lambda: SECRET, clock=self.world.clock)
        answer = answered(forget, json.loads(json.dumps(order)))
        return None if self.erases_long else answer

    def send(self, event: dict[str, Any]) -> Answered:
        """The answer to a proxy event."""
        return Answered(self.api(event, SimpleNamespace(aws_request_id="1")))

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Answered:
        """The answer to a signed request."""
        return self.send(a_request(method, path, body, **query))

    def get(self, path: str, **query: str) -> Any:
        """What a GET gives that goes well."""
        answered = self.ask("GET", path, **query)
        assert answered.status == 200, answered.json
        return answered.json

    def post(self, path: str, body: Any) -> Any:
        """What a POST gives that goes well."""
        answered = self.ask("POST", path, body)
        assert answered.status == 200, answered.json
        return answered.json

    def store(self, *documents: Configuration) -> None:
        """Put documents in as they are."""
        for document in documents:
            self.world.configurations.put(document)


def from_console(method: str, path: str, body: Any = None, *, groups: str | None, **claims: Any) -> dict[str, Any]:
    """The same, as the gateway hands on what a person of the user pool asks."""
    known = {"token_use": "id", "email": PERSON, "cognito:username": "5f1a", **claims}
    context = {
        "identity": {"userArn": None, "sourceIp": "192.0.2.1"},
        "authorizer": {"claims": known | ({"cognito:groups": groups} if groups is not None else {})},
    }
    event = a_request(method, f"/console/api{path}", body, principal=None)
    return event | {"resource": "/console/api/{proxy+}", "requestContext": context}


def a_request(
    method: str, path: str, body: Any = None, *, principal: str | None = PRINCIPAL, **query: str
) -> dict[str, Any]:
    """A proxy event of API Gateway's REST APIs."""
    content = body if isinstance(body, str) or body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"} if content is not None else {}
    return {
        "httpMethod": method,
        "path": path,
        "resource": "/{proxy+}",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "requestContext": {"stage": "prod", "identity": {"userArn": principal, "sourceIp": "192.0.2.1"}},
        "body": content,
        "isBase64Encoded": False,
    }
