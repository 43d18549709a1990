"""Whole cycles with programs and static lists on in-memory ports."""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.cycle_ports import Entity
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.marketo import Channel, Program, ProgressionStatus
from leadbridge.domain.source_query import SourceQuery
from leadbridge.domain.sync import Sync
from leadbridge.domain.watermarks import Window
from leadbridge.usecases.keep_programs import KeepPrograms
from tests.builders.company_cycles import CompanyWorld, with_companies
from tests.builders.whole_cycles import described
from tests.fakes.marketo import FakeMarketo
from tests.fakes.systems import System, Table, TableSource

_TEXT = "string"
_STAMPS = {"CreatedDate": "datetime", "LastModifiedDate": "datetime", "SystemModstamp": "datetime"}
#: by object of Salesforce how its ids begin, and what it has
_OBJECTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Campaign": ("701", dict.fromkeys(("Name", "Program__c", "Description"), _TEXT)),
    "CampaignMemberStatus": ("01Y", {"CampaignId": "reference", "Label": _TEXT, "HasResponded": "boolean"}),
    "CampaignMember": (
        "00v",
        {**dict.fromkeys(("CampaignId", "LeadId", "ContactId"), "reference"), "Status": _TEXT, "Note__c": _TEXT},
    ),
}
LIST = 7


def with_programs(**groups: Mapping[str, Any]) -> CrmCycle:
    """A cycle with these groups; without any it keeps a list, whose members were sent something."""
    kept = groups or {"sent": {"static_list": LIST, "status": "Mailed"}}
    return with_companies(programs={"campaign_key": "Program__c", "groups": kept})


class _WithLists(System):
    """Everybody is in the list."""

    def source(self, sync: Sync) -> TableSource:
        """Where a Sync's rows come from."""
        return _Listed(self, self.tables["leads"]) if sync.source.static_list else super().source(sync)


class _Listed(TableSource):
    def _window(self, query: SourceQuery) -> Window:
        del query
        return Window()


class ProgramWorld(CompanyWorld):
    """Both systems with Campaigns, and a list of everybody."""

    def __init__(self, cycle: CrmCycle | None = None) -> None:
        """The cycle is active."""
        super().__init__(cycle or with_programs())
        self.marketing = FakeMarketo(self.people.described)
        self.marketing.lists["Mailed"] = (LIST, set())
        self.system = _WithLists(self.system.tables, step=self.steps)
        self.system.tables["list_members"] = self.people
        for name, (prefix, fields) in _OBJECTS.items():
            found = described(name, {"Id": "id", **_STAMPS, **fields}, prefix)
            self.system.tables[name] = Table(found, "Id", self.clock)

    @property
    def campaigns(self) -> Table:
        """Salesforce's Campaigns."""
        return self.system.tables["Campaign"]

    @property
    def members(self) -> Table:
        """Who is in them."""
        return self.system.tables["CampaignMember"]

    @property
    def statuses(self) -> Table:
        """What they may be."""
        return self.system.tables["CampaignMemberStatus"]

    def entities(self, cycle: CrmCycle) -> Sequence[Entity]:
        """The kinds of records."""
        return [*super().entities(cycle), KeepPrograms(cycle, self.keep_ports(), self.marketing)]

    def program(self, number: int, name: str, *statuses: str, **more: Any) -> None:
        """A program whose channel has these statuses; members are a success in the last one."""
        steps = tuple(
            ProgressionStatus(name=each, step=step, success=each == statuses[-1])
            for step, each in enumerate(("Not in Program", *statuses))
        )
        self.marketing.channels[name] = Channel(id=number, name=name, progression_statuses=steps)
        self.marketing.programs[number] = Program(id=number, name=name, type="Default", channel=name, **more)
