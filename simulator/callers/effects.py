"""What a campaign's own steps leave behind in the instance: field values and activities."""

from __future__ import annotations

from typing import Any

from simulator.control import Record
from simulator.marketo.models.activities import Activity
from simulator.marketo.models.instance import Instance
from simulator.marketo.schema import CHANGE_DATA_VALUE, CHANGE_SCORE
from simulator.marketo.values import format_time


def write_lead(instance: Instance, lead_id: int, values: Record, *, source: str, reason: str, campaign_id: int) -> None:
    """Write fields of a person as of now and log a change of a data value for each that differs."""
    for change in instance.leads.write(lead_id, values, instance.control.clock.now()):
        changed = instance.leads.schema.all[change.name]
        said = {"New Value": change.new, "Old Value": change.old, "Reason": reason, "Source": source}
        attributes = [{"name": name, "value": None if each is None else str(each)} for name, each in said.items()]
        primary = (changed.id, changed.display_name)
        log(instance, CHANGE_DATA_VALUE, lead_id, primary, attributes, campaign_id=campaign_id)


def change_score(instance: Instance, lead_id: int, name: str, by: int, *, reason: str, campaign_id: int) -> None:
    """Add to a score of a person as of now; only a Change Score is logged."""
    value = (instance.leads.read(lead_id, [name]).get(name) or 0) + by
    for change in instance.leads.write(lead_id, {name: value}, instance.control.clock.now()):
        changed = instance.leads.schema.all[name]
        said = {"New Value": change.new, "Old Value": change.old, "Change Value": f"{by:+}", "Reason": reason}
        attributes = [{"name": name, "value": None if each is None else str(each)} for name, each in said.items()]
        log(
            instance,
            CHANGE_SCORE,
            lead_id,
            (changed.id, changed.display_name),
            attributes,
            campaign_id=campaign_id,
        )


def log(
    instance: Instance,
    type_id: int,
    lead_id: int,
    primary: tuple[int | None, str | None],
    attributes: list[dict[str, Any]],
    *,
    campaign_id: int,
) -> None:
    """Put an activity of a campaign into the log, as of now; `primary` is the asset's id and name."""
    date = format_time(instance.control.clock.now())
    instance.log.add(Activity(instance.log.take_id(), lead_id, date, type_id, *primary, attributes, campaign_id))
