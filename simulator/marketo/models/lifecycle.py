"""What ends, joins or moves a lead: delete, merge and partitions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from simulator.marketo.exceptions import MarketoError, RowError
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.leads import PARTITIONS
from simulator.marketo.schema import API_SOURCE, CHANGE_PARTITION, DELETE_LEAD, MERGE_LEADS

MAX_LOSERS = 25
# what a lead's record in the CRM may be like, and why a merge there then fails
CRM_STATES: Mapping[str, tuple[str, str]] = {
    "personAccount": ("712", "Person accounts cannot be merged in the CRM"),
    "noRecordType": ("714", "Unable to find the default record type of the CRM"),
    "duplicate": ("1076", "Merge in the CRM fails: the CRM has a duplicate of the record"),
    "deleted": ("1078", "Merge in the CRM fails: the CRM's record was deleted"),
    "urlConflict": ("1079", "Merge in the CRM fails: the records have different personal addresses"),
}
# names that the CRM keeps, with their lengths there
_CRM_LENGTHS = {"firstName": 40, "lastName": 80}


def plan_move(instance: Instance, lead_id: object, partition: object) -> int:
    """Give the id of a lead that may move to a partition.

    Raises:
        RowError: 1004 no such lead, 1008 no such partition.
    """
    if str(partition) not in PARTITIONS:
        raise RowError("1008", f"Partition '{partition}' does not exist or is not accessible")
    return known(instance, lead_id)


def known(instance: Instance, lead_id: object) -> int:
    """Give the id of a lead that exists.

    Raises:
        RowError: 1004.
    """
    if not isinstance(lead_id, int) or isinstance(lead_id, bool) or lead_id not in instance.leads:
        raise RowError("1004", "Lead not found")
    return lead_id


def unique(lead_id: int, accepted: list[int]) -> int:
    """Give the id of a lead that the call did not name before.

    Raises:
        RowError: 1036.
    """
    if lead_id in accepted:
        raise RowError("1036", "Duplicate object found in input")
    return lead_id


def move(instance: Instance, lead_id: int, partition: str, at: datetime) -> None:
    """Put a lead into a partition and log it, unless it is there already."""
    former = (instance.leads.get(lead_id) or {}).get("leadPartitionId")
    if former in {None, PARTITIONS[partition]}:
        return
    instance.leads.move(lead_id, partition)
    attributes = {"Old Partition ID": str(former), "Reason": API_SOURCE}
    instance.note(CHANGE_PARTITION, lead_id, at, PARTITIONS[partition], partition, attributes)


def delete(instance: Instance, lead_id: int, at: datetime) -> None:
    """Delete a lead with its memberships; only the log remembers it."""
    stored = instance.leads.get(lead_id)
    if stored is None:
        return
    name = " ".join(stored[part] for part in ("firstName", "lastName") if part in stored)
    _forget(instance, lead_id, at)
    instance.note(DELETE_LEAD, lead_id, at, lead_id, name or stored.get("email") or str(lead_id), {})


def plan_merge(instance: Instance, winner: int, losers: list[int], *, in_crm: bool) -> tuple[int, list[int]]:
    """Check a merge and give who wins and who loses.

    With native sync on, a record that is a contact in the CRM wins whatever was asked for.

    Raises:
        MarketoError: 1080 too many losers, 1004 a lead is unknown, 1003 the winner is among the losers, 712, 714 and
            1076 to 1079 what the CRM has against the merge there.
    """
    if len(losers) > MAX_LOSERS:
        raise MarketoError("1080", f"No more than {MAX_LOSERS} leads can be merged in one call")
    for lead_id in (winner, *losers):
        if lead_id not in instance.leads:
            raise MarketoError("1004", f"Lead '{lead_id}' not found")
    if winner in losers:
        raise MarketoError("1003", "The winning lead cannot be one of the losing leads")
    if instance.control.switch("native_crm"):
        everyone = [winner, *losers]
        contact = next((each for each in everyone if (instance.leads.get(each) or {}).get("sfdcContactId")), winner)
        winner, losers = contact, [each for each in everyone if each != contact]
        if in_crm:
            _check_crm(instance, winner, losers)
    return winner, losers


def _check_crm(instance: Instance, winner: int, losers: list[int]) -> None:
    for lead_id in (winner, *losers):
        if lead_id in instance.crm_states:
            raise MarketoError(*CRM_STATES[instance.crm_states[lead_id]])
    values = [instance.leads.get(each) or {} for each in (winner, *losers)]
    for name, length in _CRM_LENGTHS.items():
        joined = next((each[name] for each in values if name in each), "")
        if len(joined) > length:
            raise MarketoError("1077", f"Merge in the CRM fails: '{name}' is longer than {length} there")


def merge(instance: Instance, winner: int, losers: list[int], at: datetime) -> None:
    """Make one lead of several: the winner's values stay, what it lacks comes from the losers in their order."""
    if winner not in instance.leads:
        return
    present = [each for each in losers if each in instance.leads]
    for loser in present:
        instance.leads.fill(winner, dict(instance.leads.get(loser) or {}), at)
        _hand_over(instance, loser, winner, at)
        _forget(instance, loser, at)
    attributes = {"Merge IDs": present, "Merged in Sales": False, "Merge Source": API_SOURCE, "Master Updated": True}
    instance.note(MERGE_LEADS, winner, at, winner, str(winner), attributes)
    if instance.control.switch("merge_losers_deleted"):
        for loser in present:
            instance.note(DELETE_LEAD, loser, at, loser, str(loser), {})


def _hand_over(instance: Instance, loser: int, winner: int, at: datetime) -> None:
    for static_list in instance.memberships.lists.values():
        if loser in static_list.members:
            static_list.members.setdefault(winner)
    for program in instance.memberships.programs.values():
        program.hand_over(loser, winner)
    instance.log.hand_over(loser, winner)
    instance.crm.hand_over(loser, winner, at)


def _forget(instance: Instance, lead_id: int, at: datetime) -> None:
    instance.leads.remove(lead_id)
    instance.crm.hand_over(lead_id, None, at)
    for static_list in instance.memberships.lists.values():
        static_list.members.pop(lead_id, None)
    for program in instance.memberships.programs.values():
        program.members.pop(lead_id, None)
