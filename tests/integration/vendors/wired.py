"""The use-cases on in-memory ports, but with the product's own clients against the running vendor twins."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from leadbridge.domain.connector import AnyAction
from leadbridge.ports import Clock
from leadbridge.usecases.batch import RunSettings
from leadbridge.usecases.run_events import RunEvents
from leadbridge.usecases.watching import Watch
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.transport import HttpSettings
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.builders.events import SECRET
from tests.builders.world import WORKER, World
from tests.fakes.clock import NOON, SettableClock
from tests.integration.vendors.conftest import Clients, Twin

LEADS = "POST /rest/v1/leads.json"
ACTIVITY = "POST /rest/v1/activities/external.json"
IDENTITY = "POST /identity/oauth/token"
LOGIN = "POST /services/oauth2/token"
QUERY = "GET /services/data/v67.0/query"
CREATE = "POST /services/data/v67.0/composite/sobjects"
UPDATE = "PATCH /services/data/v67.0/composite/sobjects"
UPSERT = "PATCH /services/data/v67.0/composite/sobjects/Lead/External_Key__c"


type Build = Callable[..., "WiredWorld"]


class SharedClock(SettableClock):
    """Our clock, which takes the twins' clock along wherever it goes; it may be wrong by `ahead`."""

    def __init__(self, twin: Twin, ahead: timedelta, start: datetime) -> None:
        super().__init__(start)
        self._twin = twin
        self._twin.post("clock", {"set": (self.now() - ahead).isoformat(), "allow_backwards": True})

    def advance(self, seconds: float) -> Any:
        """Move both clocks on."""
        if self._twin.owed:
            self._twin.owed.time += timedelta(seconds=seconds)
        else:
            self._twin.post("clock", {"advance_seconds": seconds})
        return super().advance(seconds)


@dataclass(kw_only=True)
class WorldClients(Clients):
    """Clients that live in the world's time."""

    world_clock: SettableClock
    deadline: Deadline

    def settings(self) -> HttpSettings:
        """The settings of the product's clients, with the world's clock and with waits that take no time."""
        return replace(super().settings(), clock=self.world_clock.now, sleep=self.sleep, deadline=self.deadline)

    def sleep(self, seconds: float) -> None:
        """Note a wait inside a client, and let the world's time pass."""
        self.slept.append(seconds)
        self.world_clock.sleep(seconds)


class TwinConnections:
    """`ports.Connections` with one client for each twin, as one process keeps them."""

    def __init__(self, clients: Clients) -> None:
        self._marketo, self._salesforce = clients.marketo(), clients.salesforce()

    def marketo(self, connection: str) -> MarketoClient:
        """The one instance."""
        return self._marketo

    def salesforce(self, connection: str) -> SalesforceClient:
        """The one org."""
        return self._salesforce

    def report_quota(self) -> None:
        """Nobody asks here."""

    def give_back(self) -> None:
        """No place is kept."""


class WiredWorld(World):
    """A world whose two vendors are the twins; `bodies` are the writes that reached the wire, in order."""

    def __init__(
        self,
        clients: Clients,
        marketo: Twin,
        salesforce: Twin,
        *actions: AnyAction,
        ahead: timedelta = timedelta(0),
        start: datetime = NOON,
    ) -> None:
        super().__init__(*actions, clock=SharedClock(marketo, ahead, start))
        self.marketo_twin, self.salesforce_twin = marketo, salesforce
        self.bodies: list[tuple[str, Any]] = []
        clients.http.event_hooks["request"].append(self._note)
        self.clients = WorldClients(
            announced=clients.announced,
            key=clients.key,
            http=clients.http,
            world_clock=self.clock,
            deadline=self.deadline,
        )
        self.wired = TwinConnections(self.clients)

    def receive_payload(self, payload: dict[str, Any], **members: Any) -> str:
        """One accepted call about a person whom the Marketo twin knows."""
        lead_id = int(payload["lead"]["id"])
        if lead_id not in self.marketo.leads:
            self.marketo_twin.post("load", {"leads": [{"id": lead_id, "email": str(payload["lead"]["email"]).strip()}]})
        return super().receive_payload(payload, **members)

    def run_events(self, settings: RunSettings = WORKER, watch: Watch | None = None) -> RunEvents:
        """The use-case that runs a batch, with the product's clients."""
        imports = self.imports
        clock: Clock = self.clock
        return RunEvents(
            configurations=self.configurations,
            inbox=self.inbox,
            keys=self.keys,
            connections=self.wired,
            clock=clock,
            meter=self.meter,
            hash_key=lambda: SECRET,
            settings=settings,
            watch=watch,
            imports=(lambda: imports) if imports else None,
        )

    # -- what the twins saw

    def leads(self) -> list[dict[str, Any]]:
        """The org's Leads."""
        return list(self.salesforce_twin.get("records/Lead"))

    def persons(self) -> dict[int, dict[str, Any]]:
        """The instance's leads by id."""
        return {int(lead["id"]): lead for lead in self.marketo_twin.get("records/leads")}

    def told(self) -> list[str]:
        """The execution ids of the custom activities, in order of their adding."""
        return [
            next(str(each["value"]) for each in item["attributes"] if each.get("apiName") == "executionId")
            for item in self.marketo_twin.get("records/activities")
            if item["activityTypeId"] > 100_000
        ]

    def calls(self, endpoint: str) -> int:
        """How often an endpoint was called."""
        method, path = endpoint.split()
        twin = self.marketo_twin if path.startswith(("/rest", "/identity")) else self.salesforce_twin
        return len(twin.calls_of(method, path))

    def sent(self, endpoint: str) -> list[list[dict[str, Any]]]:
        """The rows of every write to an endpoint, call by call."""
        return [body.get("input", body.get("records")) for known, body in self.bodies if known == endpoint]

    def fault(self, endpoint: str, kind: str, **members: Any) -> None:
        """Plant one fault, in place of those before at that vendor."""
        twin = self.marketo_twin if "/rest" in endpoint or "/identity" in endpoint else self.salesforce_twin
        twin.post("faults", [{"match": endpoint, "kind": kind} | members])

    def heal(self) -> None:
        """Take all faults away."""
        self.marketo_twin.post("faults", [])
        self.salesforce_twin.post("faults", [])

    def everybody_once(self, *lead_ids: int) -> None:
        """Each person has one Lead, its id, and one activity for each ended execution; nothing waits."""
        by_email = {lead["Email"]: lead["Id"] for lead in self.leads()}
        assert len(by_email) == len(self.leads()) == len(lead_ids)
        persons = self.persons()
        for lead_id in lead_ids:
            assert persons[lead_id]["salesforceId"] == by_email[f"person{lead_id}@example.com"]
        assert sorted(self.told()) == sorted(self.inbox.logged)
        assert set(self.inbox.ends.values()) == {1}
        assert not self.inbox.waiting

    def _note(self, request: httpx.Request) -> None:
        if request.headers.get("content-type") == "application/json" and not request.url.path.startswith("/_sim"):
            self.bodies.append((f"{request.method} {request.url.path}", json.loads(request.read())))
