"""Made-up records: names, companies and values that vary, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from simulator.control import ControlError, Record
from simulator.marketo.values import format_time

SPAN = timedelta(days=30)
"""Leads were made in this time before the present one, evenly; one window of a bulk extract holds them."""

_WORDS = ["amber", "basalt", "cedar", "delta", "ember", "fjord", "granite", "harbour", "indigo", "juniper", "käfer"]
_FIRST = ["Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Gil", "Hana", "Inés", "Jean Paul", "Κώστας"]
_LAST = ["Aalto", "O'Brien", "Çelik", "van den Berg", "Müller", "Ng", "Öztürk", "Šimić", "李", "Smith", 'Doe "JD"']
_TITLES = ["Engineer", "Head of Marketing", "VP, Sales", "Käufer", "", "Owner", "CTO"]
_COUNTRIES = ["Germany", "Côte d'Ivoire", "United States", "日本", "Brazil", "France"]
_SUFFIXES = ["GmbH", "Inc.", "& Sons", "S.A.", "株式会社", "plc"]


def _lead(chance: random.Random, seed: int, number: int) -> Record:
    pick = chance.random()
    record: Record = {
        "email": f"{_WORDS[number % 10]}.{seed}.{number}@example.com",
        "firstName": _FIRST[int(pick * 11)],
        "lastName": _LAST[int(pick * 1_000) % 11],
        "company": f"{_WORDS[int(pick * 10_000) % 11].title()} {_SUFFIXES[int(pick * 100_000) % 6]}",
        "title": _TITLES[int(pick * 1_000_000) % 7],
        "country": _COUNTRIES[int(pick * 10_000_000) % 6],
        "leadScore": int(pick * 200) - 20,
        "externalKey": f"K-{seed}-{number}",
    }
    # one in four has a phone number, one in twenty words of some length
    if number % 4 == 0:
        record["phone"] = f"+1 555 {int(pick * 900) + 100} {int(pick * 9_000_000) % 9_000 + 1_000}"
    if number % 20 == 0:
        record["notes"] = "Met at the fair;\nasked for a quote.\n" * (1 + int(pick * 8))
    return record


def _company(chance: random.Random, seed: int, number: int) -> Record:
    return {
        "externalCompanyId": f"C-{seed}-{number}",
        "company": f"{chance.choice(_WORDS).title()} {chance.choice(_SUFFIXES)} {number}",
        "billingCountry": chance.choice(_COUNTRIES),
        "numberOfEmployees": chance.randint(1, 50_000),
    }


def _sales_person(chance: random.Random, seed: int, number: int) -> Record:
    return {
        "externalSalesPersonId": f"S-{seed}-{number}",
        "email": f"sales.{seed}.{number}@example.com",
        "firstName": chance.choice(_FIRST),
        "lastName": chance.choice(_LAST),
    }


def _opportunity(chance: random.Random, seed: int, number: int) -> Record:
    return {
        "externalOpportunityId": f"O-{seed}-{number}",
        "name": f"{chance.choice(_WORDS).title()} {number}",
        "amount": chance.randint(1, 1_000_000) / 100,
        "stage": chance.choice(["Prospecting", "Negotiation", "Closed Won", "Closed Lost"]),
    }


_MAKERS: Mapping[str, Callable[[random.Random, int, int], Record]] = {
    "leads": _lead,
    "companies": _company,
    "salesPersons": _sales_person,
    "opportunities": _opportunity,
}


def invent(object_name: str, count: int, seed: int, now: datetime) -> Iterator[Record]:
    """Make up records; keys and e-mail addresses differ between seeds.

    Raises:
        ControlError: records of this object cannot be made up.
    """
    if object_name not in _MAKERS:
        raise ControlError(f"{object_name} cannot be made up; one of {', '.join(_MAKERS)}")
    chance = random.Random(seed)  # noqa: S311 - test data, has to be repeatable
    made = (_MAKERS[object_name](chance, seed, number) for number in range(count))
    return _dated(made, count, now) if object_name == "leads" else made


def _dated(records: Iterator[Record], count: int, now: datetime) -> Iterator[Record]:
    for number, record in enumerate(records):
        at = format_time(now - SPAN + SPAN * number / count)
        yield record | {"createdAt": at, "updatedAt": at}
