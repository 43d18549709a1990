"""Run many calls again: how many, at what cost, and then, if that is wanted, for good."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from leadbridge.domain.connector import ACTIONS, ConnectorAction
from leadbridge.domain.operations import Operation
from leadbridge.ports import Documents
from leadbridge.usecases.redrive import Redrive, Redriven
from leadbridge.usecases.search_executions import Item, SearchExecutions, Wanted

#: executions of one request: each costs a few reads
MOST = 200
#: what a batch takes, and rows of one Marketo call
BATCH, MARKETO_ROWS, ACTIVITY_PEOPLE = 200, 300, 30
#: operations of which each call takes a call of its own
ONE_BY_ONE = frozenset({Operation.SEND_EMAIL, Operation.MERGE_LEADS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Fewest vendor calls that running the executions takes: they run in batches as full as can be."""

    marketo: int
    salesforce: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Redrives:
    """What became of some executions, or would; `token` leads to the next, None after the last."""

    results: Sequence[Redriven]
    by_action: Mapping[str, int]
    cost: Cost
    token: str | None


class RedriveMany:
    """Redrives what a search finds, or what is named."""

    def __init__(self, *, search: SearchExecutions, redrive: Redrive, documents: Documents) -> None:
        self._search = search
        self._redrive = redrive
        self._documents = documents

    def found(self, wanted: Wanted, *, dry_run: bool, original: bool = False, token: str | None = None) -> Redrives:
        """Redrive what fits and can be redriven; `original` runs each on the configuration of its time.

        Raises:
            ConfigurationError: The token is not one of ours.
        """
        page = self._search(replace(wanted, redrivable=True), limit=MOST, token=token)
        return self._run(page.items, dry_run=dry_run, original=original, token=page.token)

    def named(self, execution_ids: Sequence[str], *, dry_run: bool, original: bool = False) -> Redrives:
        """Redrive the executions of these ids; one that is not there says so."""
        found = {each: self._search.get(each) for each in dict.fromkeys(execution_ids)}
        items: list[Item] = [item or {"execution_id": each} for each, item in found.items()]
        return self._run(items, dry_run=dry_run, original=original, token=None)

    def _run(self, items: Sequence[Item], *, dry_run: bool, original: bool, token: str | None) -> Redrives:
        results = []
        counts: Counter[str] = Counter()
        for item in items:
            result = self._redrive(item["execution_id"], dry_run=dry_run, original=original)
            results.append(result)
            counts[item.get("action_id", "")] += result.runs
        by_action = {action: count for action, count in sorted(counts.items()) if count}
        return Redrives(results=results, by_action=by_action, cost=cost_of(by_action, self._documents), token=token)


def cost_of(by_action: Mapping[str, int], documents: Documents) -> Cost:
    """What running so many calls of each Action takes at least."""
    marketo = salesforce = 0
    for action_id, count in by_action.items():
        stored = documents.get("action", action_id)
        if stored is None or not isinstance(stored.document, ACTIONS):
            continue
        batches = ceil(count / BATCH)
        action = stored.document
        if isinstance(action, ConnectorAction):
            # a lookup and the call; of campaigns and merges a call each, at worst
            alone = count if action.operation in ONE_BY_ONE else 0
            marketo += alone + ceil(count / MARKETO_ROWS) * 2
            continue
        backs = (*action.writeback, *action.member_mappings)
        reads_back = any(back.field not in {None, "Id"} for back in backs)
        # a match, a write, and what the write-back needs of the record
        salesforce += batches * (2 + reads_back)
        # the activity, the write-back, the status and the fields of a membership
        calls = 1 + bool(action.writeback) + bool(action.program_member) + bool(action.member_mappings)
        marketo += ceil(count / MARKETO_ROWS) * calls
        # of people whose activities are read
        marketo += ceil(count / ACTIVITY_PEOPLE) + 1 if action.activity else 0
    return Cost(marketo=marketo, salesforce=salesforce)
