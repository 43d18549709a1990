"""Forgetting a person: by what it is found in whatever a deployment keeps, and what is told of it.

Who is to be forgotten is known by an e-mail address. Records that hold it teach the ids of the same person, and by
those the rest is found. The ids are noted before anything is removed, and until all is: so a process that died in the
middle is finished by the same command, although nothing leads to what is left.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

from leadbridge.domain.cycle_people import CONTACT, LEAD, PREFIXES
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.values import normalised, text

#: members and columns that hold the address of whom a record is about; an owner's or a referrer's is another person's
_ADDRESS = re.compile(r"(?:lead\.)?e-?mail(?:_?address)?", re.IGNORECASE)
#: those that hold Marketo's number of the person, in small letters
_LEAD_NAMES = frozenset({"id", "leadid", "lead_id", "lead.id", "marketo_id"})
#: where a record is about the person of its item or line; campaigns, programs, tokens and whatever else a call brings
#: have numbers and addresses of their own
_OF_THE_PERSON = frozenset({"", "payload.lead", "read", "decision.match.chosen", "told"})
#: under which an item keeps the one that it was
_KEPT = "event."
#: those that hold the Salesforce record's id
_RECORD_NAMES = frozenset({"id", "salesforce_id", "convertedcontactid", "whoid"})
_OF_PEOPLE = (PREFIXES[LEAD], PREFIXES[CONTACT])


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of who is to be forgotten."""

    #: as addresses are compared
    email: str
    #: Marketo's numbers
    leads: frozenset[str] = frozenset()
    #: Salesforce's ids of 18 characters
    records: frozenset[str] = frozenset()
    executions: frozenset[str] = frozenset()

    def grown(
        self, *, leads: Collection[str] = (), records: Collection[str] = (), executions: Collection[str] = ()
    ) -> "Known":
        """The same with more ids."""
        return Known(
            email=self.email,
            leads=self.leads | frozenset(leads),
            records=self.records | frozenset(map(canonical, records)),
            executions=self.executions | frozenset(executions),
        )


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is to be forgotten, ready to be looked for."""

    known: Known
    #: under which executions are found
    secret: bytes = field(repr=False)
    #: whether all of Marketo's numbers are of one instance: a number of another one may be anybody's
    one_instance: bool = False
    #: fields of Marketo that hold Salesforce ids, in small letters
    id_fields: frozenset[str] = frozenset()

    @cached_property
    def email_hash(self) -> str:
        """What stands for the address in executions, and in what is remembered of the erasure."""
        return keyed_hash(self.secret, "email", self.known.email)

    @cached_property
    def _lead_hashes(self) -> frozenset[str]:
        return frozenset(keyed_hash(self.secret, "lead", each) for each in self.known.leads)

    @cached_property
    def _by_address(self) -> re.Pattern[str]:
        email = self.known.email
        spelt = {email, json.dumps(email)[1:-1], quote(email), quote(email, safe="")}
        words = "|".join(re.escape(each) for each in sorted(spelt, key=len, reverse=True))
        # not the end of a longer address, nor the begin of one at a longer host
        return re.compile(rf"(?<![\w.%+-])(?:{words})(?![\w-]|\.\w)", re.IGNORECASE)

    @cached_property
    def _by_id(self) -> re.Pattern[str] | None:
        words = [f"{re.escape(each[:15])}(?:{re.escape(each[15:])})?" for each in sorted(self.known.records)]
        words += [re.escape(each) for each in sorted(self.known.executions)]
        return re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(words)})(?![A-Za-z0-9])") if words else None

    def addressed_in(self, words: str) -> bool:
        """Whether a text holds the address, or what stands for it."""
        return self._by_address.search(words) is not None or self.email_hash in words

    def named_in(self, words: str) -> bool:
        """Whether a text holds an id of the person; Marketo's numbers and their hashes are looked for in records."""
        return self._by_id is not None and self._by_id.search(words) is not None

    def numbered_in(self, record: Mapping[str, Any], under: str = "") -> bool:
        """Whether a record holds Marketo's number of the person, or the hash of it; `under` as in `records_in`."""
        if not _is_of_the_person(under):
            return False
        several = record.get("lead_ids")
        numbers = _numbers(record) | set(map(_number, several if isinstance(several, list) else ()))
        return bool(numbers & self.known.leads) or record.get("lead_hash") in self._lead_hashes

    def numbered_among(self, cells: str) -> bool:
        """Whether Marketo's number of the person is a cell of a torn piece of a file, of which no column is known."""
        return any(
            re.search(rf'(?:^|[,"\n]){each}(?:$|[,"\r\n])', cells) is not None for each in sorted(self.known.leads)
        )

    def learnt(self, record: Mapping[str, Any], under: str = "") -> Known:
        """What is known once a record was seen: its ids, if it is the person's; `under` as in `records_in`."""
        if not _is_of_the_person(under) or not self._is_theirs(record):
            return self.known
        wanted = _RECORD_NAMES | self.id_fields
        leads = _numbers(record)
        records = {str(value) for name, value in record.items() if name.casefold() in wanted and is_of_people(value)}
        return self.known.grown(leads=leads, records=records)

    def _is_theirs(self, record: Mapping[str, Any]) -> bool:
        # an execution has hashes in place of what it is about
        if record.get("email_hash") == self.email_hash:
            return True
        if self.one_instance and record.get("lead_hash") in self._lead_hashes:
            return True
        return any(_ADDRESS.fullmatch(name) and normalised(value) == self.known.email for name, value in record.items())


def records_in(value: Any, under: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every record inside a value, behind the names under which it stands, such as `payload.lead`.

    What is not inside of another stands under nothing; texts that are JSON are looked into.
    """
    if isinstance(value, str):
        if value[:1] in {"{", "["}:
            try:
                yield from records_in(json.loads(value), under)
            except ValueError:
                return
    elif isinstance(value, Mapping):
        yield under, value
        for name, each in value.items():
            yield from records_in(each, f"{under}.{name}" if under else str(name))
    elif isinstance(value, list | tuple | set):
        for each in value:
            yield from records_in(each, under)


def words_of(value: Any) -> str:
    """A value as one text, in which is looked."""
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    # digests are bytes, of whatever type a store gives them
    return sorted(map(str, value)) if isinstance(value, set) else repr(value)


def _is_of_the_person(under: str) -> bool:
    return under.removeprefix(_KEPT) in _OF_THE_PERSON


def _numbers(record: Mapping[str, Any]) -> set[str]:
    """Marketo's numbers of whom a record is about."""
    return {_number(value) for name, value in record.items() if name.casefold() in _LEAD_NAMES} - {""}


def _number(value: Any) -> str:
    said = "" if isinstance(value, bool) or value is None or isinstance(value, Mapping | list) else text(value)
    return said if said.isdecimal() else ""


def is_of_people(value: Any) -> bool:
    """Whether a value is the id of a Lead or Contact."""
    return isinstance(value, str) and value.startswith(_OF_PEOPLE) and is_id(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """Something that is kept of a person."""

    #: a member of `PLACES`
    place: str
    #: table and key, or the file's
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """That somebody was forgotten, without telling who."""

    at: datetime
    #: a keyed hash of the address
    who: str
    by: str
    #: how many finds by place
    found: Mapping[str, int]
    #: None once nothing is left; until then what is known of the person, which nobody is shown
    known: Known | None = field(default=None, repr=False)

    @property
    def finished(self) -> bool:
        """Whether nothing is left."""
        return self.known is None


#: places in the order in which they are told
PLACES: Mapping[str, str] = {
    "inbox": "calls that wait in the inbox, with what they brought",
    "executions": "entries of executions, and what is kept of them for a redrive",
    "chunks": "entries of chunks of flow steps",
    "links": "links of cycles, which are ids and keyed digests of values",
    "due": "notes of records that are due in a cycle",
    "keys": "key guards and dedupe claims",
    "runs": "records of runs",
    "files": "files of runs: extracts, pages, partitions, plans, outcomes, import files",
}
#: what is not removed, and why
LEFT: Mapping[str, str] = {
    "busy": "At work with the person, so not removed yet: {where}. Run the same command once more when that is over.",
    "documents": "The address stands in {where}: change these documents. Versions that they had are kept as they were.",
    "unknown": "Found, and left, since nobody can tell what it is: {where}.",
    "alike": (
        "Left, since Marketo's number alone says that it is the person's, and connections lead or led to several "
        "Marketo instances, each with a person of that number: {where}. Look whose each is. A Salesforce id in a key "
        "that is the person's: give it as --id. The rest expires, or is deleted by its key in the table or bucket."
    ),
    "queues": "Messages on their way ({on_the_way}) are not looked into; they are in the inbox within a minute.",
    "dead_letters": "Dead letter queues ({dead} messages) are not looked into; messages there expire in 14 days.",
    "vendors": (
        "Marketo and Salesforce: nothing was asked and nothing deleted there. As long as one of them has the person, "
        "the next change brings it back; delete it there first."
    ),
    "counts": "Counts, metrics and logs hold no values of people and name nobody; logs expire.",
    "histories": "Histories of state machines hold names of runs and files, and no values; they expire.",
    "backups": (
        "Point-in-time recovery of the tables of configuration and state goes back 35 days: of people it has ids and "
        "keyed digests. The tables that hold values have none."
    ),
}
