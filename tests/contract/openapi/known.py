"""Where Adobe's OpenAPI files are known to be wrong, each place with its reason.

`fnmatch` patterns pick departures; the tests fail for a departure that nothing here picks, and for an entry that
picks nothing any more. "Guide" is Adobe's developer guide, "observed" is recorded traffic of real instances.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from tests.contract.openapi.description import Departure


@dataclass(frozen=True, slots=True)
class Known:
    """Departures that are no mistake, by patterns of their members, and why; `|` stands between alternatives."""

    direction: str
    place: str
    rule: str
    member: str
    reason: str
    operation: str = "*"

    def covers(self, departure: Departure) -> bool:
        """Whether a departure is one of these."""
        return all(
            any(fnmatchcase(getattr(departure, name), pattern) for pattern in getattr(self, name).split("|"))
            for name in ("direction", "operation", "place", "rule", "member")
        )

    def alternatives(self) -> Iterator["Known"]:
        """Each alternative as an entry of its own."""
        for place in self.place.split("|"):
            for member in self.member.split("|"):
                yield replace(self, place=place, member=member)


GUIDE = "guide's samples: "
KNOWN: tuple[Known, ...] = (
    # envelopes
    Known("answer", "ResponseOf*", "required", "errors", "observed: left out where there are none"),
    Known("answer", "ResponseOf*", "required", "warnings", "observed: left out where there are none"),
    Known("answer", "ResponseOf*", "required", "result", "observed: a call that fails has errors and no result"),
    Known("answer", "status", "undeclared", "206", "guide: files are read in ranges"),
    Known("answer", "status", "undeclared", "404", "guide: there is no such file (yet, any more, or at all)"),
    Known("answer", "status", "undeclared", "401", "guide: no token for a wrong id or secret", "identityUsing*"),
    Known("answer", "media type", "produces", "text/csv", "guide: files of jobs are CSV"),
    # records are rows of fields, of which a definition names a few, and results of writes
    Known(
        "answer",
        "Lead|CompanyResponse|SalesPerson|CustomObject|ProgramMember",
        "undeclared",
        "*",
        "a record has the fields of its instance; the result of a write has a status and reasons",
    ),
    Known(
        "request",
        "Lead|PushLead|Company|SalesPerson|CustomObject|ProgramMemberData",
        "undeclared",
        "*",
        "a record has the fields of its instance",
    ),
    Known("request", "ProgramMemberData", "required", "{fieldApiName}", "a placeholder"),
    # one definition for both ways
    Known("request", "CustomObject", "required", "marketoGUID|seq", "Marketo gives both itself"),
    Known("request", "CustomActivity", "required", "errors|id", "Marketo gives both itself"),
    Known("answer", "CustomActivity", "required", "*", "observed: an answer has id, marketoGUID and status only"),
    Known("answer", "CustomObject", "required", "marketoGUID", GUIDE + "a record that was skipped has none"),
    Known("answer", "CompanyResponse", "required", "id", GUIDE + "a record that was skipped has none"),
    Known("answer", "ProgramMember*Response", "required", "leadId", GUIDE + "a member that was skipped has none"),
    Known("answer", "ProgramMemberStatusResponse.status", "enum", "", "guide: created, updated or skipped"),
    Known("answer", "Campaign", "required", "createdAt|name|type|updatedAt", GUIDE + "a request is answered by the id"),
    Known("answer", "ImportCustomObjectResponse", "undeclared", "importId", GUIDE + "as for the other imports"),
    Known("answer", "ImportProgramMemberResponse", "undeclared", "message|numOf*", GUIDE + "as for the other imports"),
    Known("answer", "ObjectMetaData", "undeclared", "name", GUIDE + "name for objects, apiName for their schema"),
    Known("answer", "ObjectMetaData", "undeclared", "status", "required as status, declared as state"),
    Known("answer", "Lead.id", "format", "", "32 bits here, 64 bits wherever a lead is named in a request"),
    # activities
    Known("answer", "ActivityType", "required", "primaryAttribute", GUIDE + "New Lead and others have none"),
    Known("*", "Attribute.value", "type", "", "declared an object; " + GUIDE + "plain values"),
    Known("request", "Attribute", "required", "name", "guide: apiName can stand in its place"),
    Known("request", "ExportActivityRequest", "required", "fields", "guide: optional, with a default"),
    # assets
    Known("answer", "Folder", "required", "id", GUIDE + "value in its place"),
    Known("answer", "Folder", "undeclared", "value|folderName", GUIDE + "both"),
    Known("answer", "ProgramResponse", "required", "costs", GUIDE + "only where they are asked for"),
    Known("answer", "ProgramResponse.type|BrowseAllPrograms.type", "enum", "", GUIDE + "Default, Event and so on"),
    Known("answer", "Recurrence", "required", "*", GUIDE + "weekdayOnly, if nothing recurs"),
    Known(
        "answer",
        "SmartCampaignResponse",
        "required",
        "maxMembers|qualificationRuleInterval|qualificationRuleUnit",
        GUIDE + "only where there is such a rule",
    ),
    # dates
    Known(
        "*",
        "UsageData.date|ErrorsData.date|Costs.startDate|CostRequest.startDate",
        "format",
        "",
        GUIDE + "a day without a time",
    ),
    Known(
        "answer",
        "*Response.createdAt|*Response.updatedAt|BrowseAllPrograms.*At",
        "format",
        "",
        "observed: assets have the malformed Z+0000",
    ),
    # parameters
    Known("request", "query", "undeclared", "_method", "guide: a GET too long for an address travels as POST"),
    Known("request", "query", "enum", "format", GUIDE + "csv in small letters", "importProgramMemberUsingPOST"),
    Known("request", "query", "required", "Name", "guide: name, in small letters", "getChannelByNameUsingGET"),
    Known("request", "query", "undeclared", "name", "guide: name, in small letters", "getChannelByNameUsingGET"),
    Known(
        "request",
        "query",
        "required",
        "filterType|filterValues",
        "guide: a compound key is asked for in the body, with its filterType",
        "getOpportunityRolesUsingGET",
    ),
    Known("request", "query", "required", "filterValues", "guide: updatedAt has its own", "getProgramMembersUsingGET"),
    Known("request", "query", "required", "id", "guide: in the body or in the query", "removeLeadsFromListUsingDELETE"),
)


def unexplained(departures: Iterable[Departure]) -> list[Departure]:
    """The departures that no entry covers."""
    return sorted({each for each in departures if not any(known.covers(each) for known in KNOWN)})
