"""Thirty fields of one record by hand, with ten changes; what the mapping engine's figure is compared with."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.bench.decision_baseline import TYPED

CODES = {"united states": "US", "germany": "DE", "france": "FR"}


def map_record(lead: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    first, last = lead["firstName"], lead["lastName"]
    name = f"{first if first.strip() else ''} - {last if last.strip() else ''}"
    fields: dict[str, Any] = {"LeadSource": "Webinar", "Name__c": name}
    if value := " ".join(lead["company"].split()):
        fields["Company"] = value[:20].rstrip()
    if lead["title"].strip():
        fields["Title"] = lead["title"].upper()
    if lead["phone"].strip():
        fields["Phone"] = lead["phone"].replace(" ", "")
    if value := lead["email"].strip():
        fields["Hash__c"] = hashlib.sha256(value.lower().encode()).hexdigest()
    if value := lead["country"].strip():
        fields["Country"] = CODES.get(value.casefold(), "other")
    if value := lead["revenue"].strip():
        number = Decimal(value.replace(".", "").replace(",", "."))
        fields["AnnualRevenue"] = int(number) if number == int(number) else float(number)
    if value := lead["born"].strip():
        fields["Born__c"] = datetime.strptime(value, "%d.%m.%Y").date().isoformat()  # noqa: DTZ007 - a day has no zone
    for column, kind in types.items():
        if value := lead[column].strip():
            fields[column] = TYPED[kind](value) if kind in TYPED else lead[column]
    return fields
