"""Runs of CRM cycles in the executions table, and what is known between runs in the state table.

`cycle#<id>` / `run#<slot>` is a run under its version; `cycle#<id>` / `standing` of the state table is a cycle's lease,
the watermarks of its queues and its last look, for ever.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from leadbridge.aws.items import update
from leadbridge.aws.leased_runs import LeasedRuns
from leadbridge.domain.carried import Asked
from leadbridge.domain.cycle_schema import Schema, schema_from, schema_members
from leadbridge.domain.cycling import CycleRun, CycleStanding, CycleStep
from leadbridge.domain.evolving import replace
from leadbridge.domain.waits import Waiting

_ENUMS = {"step": CycleStep, "waiting": Waiting, "asked": Asked}
_INSTANTS = frozenset({"started_at", "step_at", "again", "due_at", "refused_at", "seen_at", "ended_at"})
_TUPLES = frozenset({"orders", "warnings", "confirmed", "idle", "demanded", "compared"})
#: instants by name
_MOMENTS = frozenset({"ceilings", "since", "made_since", "newest", "held"})


class DynamoCycleRuns(LeasedRuns[CycleRun]):
    """`cycle_ports.CycleRuns` on DynamoDB."""

    kind = "cycle"

    def _text(self, run: CycleRun) -> str:
        members = {each.name: getattr(run, each.name) for each in fields(run)}
        filled = {name: value for name, value in members.items() if value not in (None, "", (), {}, 0, False)}
        return json.dumps(filled, separators=(",", ":"), ensure_ascii=False, default=_plain)

    def _parsed(self, text: str) -> CycleRun:
        found: dict[str, Any] = json.loads(text)
        for name, member in found.items():
            if name in _INSTANTS:
                found[name] = datetime.fromisoformat(member)
            elif name in _MOMENTS:
                found[name] = _moments(member)
            elif name in _ENUMS:
                found[name] = _ENUMS[name](member)
            elif name == "schemas":
                found[name] = _schemas(member)
            elif name in _TUPLES:
                found[name] = tuple(member)
        return CycleRun(**found)

    def standing(self, cycle: str) -> CycleStanding:
        """The lease of a cycle, its watermarks and its last look; that of a new one if nothing is known."""
        item = self._stood(cycle)
        if item is None:
            return CycleStanding()
        at = {name: item.get(name) for name in ("taken_at", "ended_at", "looked_at")}
        return CycleStanding(
            epoch=item["epoch"],
            holder=item["holder"],
            **{name: datetime.fromisoformat(each) if each else None for name, each in at.items()},
            watermarks=_moments(item.get("watermarks", {})),
            newest=_moments(item.get("newest", {})),
            schemas=_schemas(json.loads(item.get("schemas", "{}"))),
            idle=int(item.get("idle", 0)),
            token=item.get("log_token", ""),
        )

    def take(self, cycle: str, slot: str, seen: CycleStanding, now: datetime) -> CycleStanding | None:
        """Take the lease for a run with the next epoch, if it still stands as it was seen; None if it does not."""
        if not self._taken(cycle, slot, seen.epoch, seen.holder, now):
            return None
        return replace(seen, epoch=seen.epoch + 1, holder=slot, taken_at=now)

    def looked(self, cycle: str, seen: CycleStanding, idle: int, now: datetime, token: str) -> bool:
        """Note a look that found nothing, unless somebody took the lease since; tells whether it was noted."""
        noted = update(
            self._state,
            self._standing_key(cycle),
            "SET idle = :idle, looked_at = :now, log_token = :token",
            "epoch = :epoch AND holder = :held",
            idle=idle,
            now=now.isoformat(),
            token=token,
            epoch=seen.epoch,
            held=seen.holder,
        )
        return self._write([noted]) is None

    def commit(
        self,
        cycle: str,
        slot: str,
        epoch: int,
        watermarks: Mapping[str, datetime],
        newest: Mapping[str, datetime],
        *,
        schemas: Mapping[str, Schema],
    ) -> bool:
        """Keep the watermarks of queues, if the lease is still this run's; False if it is not. Others stay."""
        # nobody but the holder of the lease moves them, so what is read here is what is kept
        known = self.standing(cycle)
        marks = {**known.watermarks, **watermarks}
        expression = "SET watermarks = :marks, newest = :newest, schemas = :schemas, idle = :none, looked_at = :never"
        return self._held(
            cycle,
            slot,
            epoch,
            expression,
            marks={name: at.isoformat() for name, at in marks.items()},
            newest={name: at.isoformat() for name, at in {**known.newest, **newest}.items()},
            schemas=json.dumps(schemas, separators=(",", ":"), ensure_ascii=False, default=_plain),
            none=0,
            never="",
        )

    def release(self, cycle: str, slot: str, epoch: int, ended_at: datetime) -> None:
        """Give the lease back, if it is still this run's."""
        expression = "SET holder = :nobody, ended_at = :ended"
        self._held(cycle, slot, epoch, expression, nobody="", ended=ended_at.isoformat())


def _moments(found: Mapping[str, str]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(each) for name, each in found.items()}


def _schemas(found: Mapping[str, Any]) -> dict[str, Schema]:
    return {name: schema_from(each) for name, each in found.items()}


def _plain(value: datetime | Schema) -> Any:
    return schema_members(value) if isinstance(value, Schema) else value.isoformat()
