"""Sales persons of a cycle: Salesforce's Users as Marketo's sales persons, one way, and what becomes of their people.

A User who did not change costs nothing. One who was deactivated may be deleted as a sales person, which Marketo refuses
while anybody names the sales person: people and companies whose records have another owner by now are given that one
as every change is taken over, and those that are still the User's are taken from the sales person before.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from leadbridge.cycle_ports import CycleRecords, Link, Links
from leadbridge.domain.belonging import OWNER, company_of, yes
from leadbridge.domain.crm_cycle import OWNER_LINK
from leadbridge.domain.cycle_companies import ACCOUNT, ACTIVE, COMPANY, SALES_PERSON, USER, USER_TYPE
from leadbridge.domain.cycle_people import PERSON
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.linked import Digest, Found, LinkedField, merge_pair
from leadbridge.domain.person_types import OBJECTS
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import text
from leadbridge.usecases.pair_people import LeftAside, Row

#: users who work in the org; the others are portals, guests and processes
_STANDARD = "Standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesPersonWrite:
    """What is to be written of a sales person, and remembered once it is; without `marketo_id` it is to be made."""

    user_id: str
    marketo_id: str
    to_marketo: Mapping[str, Any]
    before: Mapping[str, Any]
    memory: Link
    #: by field the digest of what a linked sales person was given last; None: both meet for the first time
    given: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphan:
    """A person or company of Marketo that still names a sales person who is about to be deleted."""

    object: str
    marketo_id: str
    salesforce_id: str
    #: as Marketo holds it
    sales_person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesPersonDecisions:
    """What becomes of Users that changed."""

    writes: Sequence[SalesPersonWrite]
    in_step: Sequence[SalesPersonWrite]
    #: sales persons to be deleted, and who must let go of them before
    deletes: Sequence[Link]
    orphans: Sequence[Orphan]
    aside: Sequence[LeftAside]


class DecideSalesPeople:
    """Decides about sales persons."""

    def __init__(
        self,
        fields: Sequence[LinkedField],
        *,
        links: Links,
        records: CycleRecords,
        digest: Digest,
        user_prefix: str,
        removes: bool,
    ) -> None:
        """`user_prefix`: how ids of Users begin; `removes`: sales persons of deactivated Users are deleted.

        `digest` is keyed.
        """
        self._fields = fields
        self._prefix = user_prefix
        self._links = links
        self._records = records
        self._digest = digest
        self._removes = removes

    def __call__(
        self, users: Sequence[Row], owned: Sequence[Row], now: datetime, named: Collection[str] | None = None
    ) -> SalesPersonDecisions:
        """Decide about Users that changed, and owners of changed records that Marketo does not know yet.

        `named`: everything was read, and Marketo's people name these; another sales person is found by the look before
        it would be made. None: nobody knows.

        Raises:
            SyncError: A system cannot be asked now.
        """
        rows, links = self._users(users, owned)
        aside = [LeftAside(id=each, reason=reason) for each, row in rows.items() if (reason := self._refused(row))]
        meant = {each: row for each, row in rows.items() if not self._refused(row)}
        # whom Marketo may know already is looked for once; who is to be deleted is nowhere else
        unknown = [
            each
            for each, row in meant.items()
            if each not in links and (named is None or each in named or self._is_removed(row))
        ]
        held = {user_of(row): row for row in self._records.keyed(SALES_PERSON, unknown)} if unknown else {}
        found, deletes = list[SalesPersonWrite](), list[Link]()
        for each, row in meant.items():
            link, known = links.get(each), held.get(each)
            marketo_id = link.marketo_id if link else str(known["id"]) if known else ""
            if not self._is_removed(row):
                if marketo_id or yes(row.get(ACTIVE)):
                    found.append(self._merged(each, row, link, known, now))
            elif marketo_id:
                deletes.append(Link(salesforce_id=each, marketo_id=marketo_id))
        return SalesPersonDecisions(
            writes=[each for each in found if each.to_marketo or not each.marketo_id],
            in_step=[each for each in found if each.marketo_id and not each.to_marketo],
            deletes=deletes,
            orphans=list(self._orphans([each.salesforce_id for each in deletes])),
            aside=aside,
        )

    def _users(self, users: Sequence[Row], owned: Sequence[Row]) -> tuple[dict[str, Row], dict[str, Link]]:
        """Users by id, those that changed and those that are owners for the first time; and their links."""
        rows = {canonical(row["Id"]): row for row in users}
        owners = {each for each in map(_owner, owned) if each.startswith(self._prefix)} - {""}
        links = {each: link for each, link in self._links.of({*rows, *owners}).items() if link.marketo_id}
        new = sorted(owners - rows.keys() - links.keys())
        read = self._records.salesforce(USER, "Id", new) if new else ()
        return dict(sorted({**rows, **{canonical(row["Id"]): row for row in read}}.items())), links

    def _is_removed(self, row: Row) -> bool:
        """Whether a User is to be no sales person any more."""
        return self._removes and not yes(row.get(ACTIVE))

    def _refused(self, row: Row) -> str:
        """Why a User is no sales person; empty if nothing is against it."""
        return "" if (row.get(USER_TYPE) or _STANDARD) == _STANDARD else "user_not_standard"

    def _merged(self, user_id: str, row: Row, link: Link | None, known: Row | None, now: datetime) -> SalesPersonWrite:
        found = {Side.SALESFORCE: Found(values=row)}
        if link is None or any(each.name not in link.memory for each in self._fields):
            # the sales person is Salesforce's: what a field that is shown again held in Marketo does not matter
            found[Side.MARKETO] = Found(values=known or {})
        memory = link.memory if link and Side.MARKETO not in found else {}
        merged = merge_pair(self._fields, found, memory, now, self._digest)
        written = merged.writes[Side.MARKETO]
        marketo_id = link.marketo_id if link else str(known["id"]) if known else ""
        return SalesPersonWrite(
            user_id=user_id,
            marketo_id=marketo_id,
            to_marketo=written,
            before={name: known.get(name) for name in written} if known else {},
            memory=Link(salesforce_id=user_id, marketo_id=marketo_id, memory=merged.memory),
            given=self._given(link) if link else None,
        )

    def _given(self, link: Link) -> Mapping[str, str]:
        known = link.memory
        return {each.fields[Side.MARKETO].name: known[each.name].marketo for each in self._fields if each.name in known}

    def _orphans(self, users: Sequence[str]) -> Iterator[Orphan]:
        """People and companies that still name sales persons who are to be deleted.

        They are found by their records: only those that a cycle links are owned through it. Whatever else names the
        sales person keeps Marketo from deleting, and is told then.
        """
        if not users:
            return
        records = [canonical(row["Id"]) for name in OBJECTS for row in self._records.salesforce(name, OWNER, users)]
        people = {link.marketo_id: link.salesforce_id for link in self._links.of(records).values()}
        yield from self._naming(PERSON, people, self._records.people("id", sorted(people)) if people else (), users)
        accounts = [canonical(row["Id"]) for row in self._records.salesforce(ACCOUNT, OWNER, users)]
        companies = self._records.keyed(COMPANY, accounts) if accounts else ()
        ids = {str(row["id"]): company_of(row) for row in companies}
        yield from self._naming(COMPANY, ids, companies, users)

    @staticmethod
    def _naming(
        object_name: str, ids: Mapping[str, str], rows: Sequence[Row], users: Collection[str]
    ) -> Iterator[Orphan]:
        for row in rows:
            named, number = user_of(row), str(row["id"])
            if named in users and number in ids:
                yield Orphan(
                    object=object_name, marketo_id=number, salesforce_id=ids[number], sales_person=row[OWNER_LINK]
                )


def _owner(row: Row) -> str:
    found = str(row.get(OWNER) or "")
    return canonical(found) if is_id(found) else ""


def user_of(row: Row) -> str:
    """The User whom a row of Marketo names as its sales person; empty if it names none."""
    found = text(row.get(OWNER_LINK) or "").strip()
    return canonical(found) if is_id(found) else ""
