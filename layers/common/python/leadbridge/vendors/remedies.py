"""What is to be done about a code of a vendor, from the vendors' tables."""

from collections.abc import Iterable


def remedies(reason: str) -> Iterable[str]:
    """What the vendors' tables say is to be done about a reason code; nothing for a reason of our own."""
    from leadbridge.vendors.marketo.errors import TABLE as MARKETO  # only needed where a vendor refused something
    from leadbridge.vendors.salesforce.errors import TABLE as SALESFORCE

    vendor, _, code = reason.partition("_")
    table = {"marketo": MARKETO, "salesforce": SALESFORCE}.get(vendor)
    if table is None:
        return ()
    rule = table.codes.get(code) or table.rule(code)
    return [rule.remedy, *(variant.remedy for variant in rule.by_text.values())]
