"""Whether anything was changed that a CRM cycle keeps in step: one call to each system, as long as nothing was.

Marketo's log is read from a paging token on that is kept from look to look; of changed values only those of fields
count that are kept in step. Salesforce is asked for one record of each kind that was changed or deleted.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from leadbridge.cycle_ports import Looked
from leadbridge.domain import soql
from leadbridge.domain.crm_cycle import COMPANY_LINK, CrmCycle
from leadbridge.domain.cycle_checks import objects_of
from leadbridge.domain.three_way import Side
from leadbridge.errors import PermanentError
from leadbridge.ports import Clock
from leadbridge.vendors.bulk_jobs import Clients
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import results
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.composite import Part

#: types of activities that tell of a change: a new person, a changed value, a merge, a deletion
NEW, CHANGED, MERGED, DELETED = 12, 13, 32, 37
#: pages of the log that are read; where all of them are full, a run is cheaper
PAGES = 3
#: how long is believed what fields are called in Marketo
_KNOWN_FOR = timedelta(hours=1)


class VendorLook:
    """`cycle_ports.CycleLook` over the configured connections."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        """Sends nothing."""
        self._clients = clients
        self._clock = clock
        self._names: dict[str, tuple[datetime, frozenset[str]]] = {}

    def __call__(self, cycle: CrmCycle, since: Mapping[Side, datetime], token: str) -> Looked:
        """Look at what was changed since these moments; in Marketo's log from `token` on, if there is one."""
        try:
            looked = Looked(token=token)
            if Side.SALESFORCE in since:
                looked = Looked(why=self._salesforce(cycle, since[Side.SALESFORCE]), token=token)
            if not looked.why and Side.MARKETO in since:
                looked = self._marketo(cycle, since[Side.MARKETO], token)
        finally:
            self._clients.report_quota()
        return looked

    def _marketo(self, cycle: CrmCycle, since: datetime, token: str) -> Looked:
        client = self._clients.marketo(cycle.marketo)
        params = {"activityTypeIds": ",".join(map(str, (NEW, CHANGED, MERGED, DELETED)))}
        try:
            token = token or client.api.paging_token(since)
            for _ in range(PAGES):
                answer = client.api.get(endpoints.ACTIVITIES, params={**params, "nextPageToken": token})
                why = next(self._told(cycle, client, results(answer, endpoints.ACTIVITIES.operation)), "")
                if why:
                    return Looked(why=why)
                token = str(answer.payload.get("nextPageToken") or token)
                if answer.payload.get("moreResult") is not True:
                    return Looked(token=token)
        except PermanentError as error:
            # a token is taken for a day; what else is wrong, a run says
            return Looked(why=f"Marketo's log: {error.code}")
        return Looked(why=f"more than {PAGES} pages of Marketo's log")

    def _told(self, cycle: CrmCycle, client: MarketoClient, rows: list[dict[str, Any]]) -> Iterator[str]:
        """What of the log counts."""
        for row in rows:
            if row.get("activityTypeId") != CHANGED:
                yield "a person is new, merged or deleted in Marketo"
            elif str(row.get("primaryAttributeValue", "")).casefold() in self._watched(cycle, client):
                yield "a person was changed in Marketo"

    def _watched(self, cycle: CrmCycle, client: MarketoClient) -> frozenset[str]:
        """What the fields that are kept in step are called in Marketo, by which its log names them."""
        now = self._clock.now()
        known = self._names.get(cycle.id)
        if known is None or now - known[0] >= _KNOWN_FOR:
            labels = {each.name: each.label for each in client.describe_leads().fields.values()}
            names = set(_marketo_fields(cycle))
            known = (now, frozenset(text.casefold() for name in names for text in (name, labels.get(name, name))))
            self._names[cycle.id] = known
        return known[1]

    def _salesforce(self, cycle: CrmCycle, since: datetime) -> str:
        names = objects_of(cycle)[Side.SALESFORCE]
        parts = [
            Part(reference_id=name, method="GET", path=f"/queryAll?{urlencode({'q': _one(name, since)})}")
            for name in names
        ]
        if not parts:
            return ""
        for name, part in zip(
            names, self._clients.salesforce(cycle.salesforce).composite.send(parts, all_or_none=False), strict=True
        ):
            if not part.ok:
                return f"{name}: {part.code}"  # what is wrong, a run says
            if part.body.get("records"):
                return f"a {name} was changed in Salesforce"
        return ""


def _one(name: str, since: datetime) -> str:
    return f"SELECT Id FROM {soql.identifier(name)} WHERE SystemModstamp >= {soql.literal(since)} LIMIT 1"  # noqa: S608  # names are checked, values quoted


def _marketo_fields(cycle: CrmCycle) -> Iterator[str]:
    persons, companies = cycle.persons, cycle.companies
    pairs = [pair for pair in companies.fields if pair.enabled] if companies else []
    if companies is not None:
        # people show what their company holds
        yield COMPANY_LINK
    if persons is not None:
        yield persons.id_field
        pairs += [pair for kind in (persons.leads, persons.contacts) if kind for pair in kind.pairs]
    yield from (pair.marketo for pair in pairs if pair.policy.from_side(Side.MARKETO))
