"""Forget a person: find what is kept, say it, and remove it.

Everything is read: the four tables, and the files of the data bucket. What is at work (a call that may be on its way
to a vendor, a run that is not over) is left and told. Files are removed as a whole: they are pages of runs that are
over, which expire anyway, and every reader of them knows that they may be gone. Where there are several Marketo
instances, what has nothing of the person but Marketo's number is left and told, too: it may be somebody else's.
"""

import json
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any, Protocol

from leadbridge.domain.cycle_people import PERSON
from leadbridge.domain.erasure import PLACES, Erasure, Find, Known, Person, is_of_people, records_in, words_of
from leadbridge.domain.flow_step import ChunkState
from leadbridge.domain.guards import lead_guard, match_guards
from leadbridge.domain.ids import is_id
from leadbridge.domain.lifecycle import DocumentState
from leadbridge.domain.outcome import State
from leadbridge.domain.shifts import run_of
from leadbridge.domain.values import normalised
from leadbridge.errors import ConfigurationError
from leadbridge.files.errors import SchemaDriftError, UnreadableFileError
from leadbridge.files.rows import Rows
from leadbridge.ports import Clock

type Item = Mapping[str, Any]
type Key = Mapping[str, str]
EXECUTIONS, STATE, KEYS, CONFIG = "executions", "state", "keys", "config"
TABLES = (EXECUTIONS, STATE, KEYS, CONFIG)
#: the kind of a connection that leads to an instance of Marketo
_MARKETO = "marketo_connection"
#: under which what is remembered of erasures stands in the state table
LOGGED = "erasures"
#: runs in these steps are over
_ENDS = frozenset({"done", "failed", "cancelled"})
_INBOX = ("lane#", "buffer#", "import#")
#: by what records of people are looked for, under which somebody may write them
_LOOKED_FOR = (("leads", "email"), ("Lead", "Email"), ("Contact", "Email"))
_IDS = ("leads", "records", "executions")
#: passes in which new ids are learnt; each chain of ids is shorter
_PASSES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """An item to be removed, as long as it is as it was seen."""

    table: str
    key: Key
    was: Mapping[str, Any] = field(default_factory=dict)


class Shelves(Protocol):
    """The tables of a deployment, as they are, and the files of its data bucket."""

    def items(self, table: str) -> Iterator[Item]:
        """Every item of a table."""
        ...

    def remove(self, removals: Sequence[Removal]) -> bool:
        """Remove items together; False if one of them is not as it was seen any more, and none was removed."""
        ...

    def amend(self, seen: Removal, to: Sequence[Any]) -> bool:
        """Give the one member of an item that was seen another value; False if it is not as it was."""
        ...

    def keep(self, table: str, item: Item) -> None:
        """Store an item."""
        ...

    def files(self) -> Iterator[str]:
        """The keys of all files."""
        ...

    def read(self, key: str) -> Iterable[bytes] | None:
        """A file, whose bytes begin again with each iteration; None if it is gone."""
        ...

    def remove_files(self, keys: Sequence[str]) -> None:
        """Remove files; those that are gone do not matter."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """About how many messages wait, by `on_the_way` and `dead`."""
        ...

    def under(self, table: str, partition: str) -> Iterator[Item]:
        """The items of a table under a key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A find with what removes it: items together, or a file, or a list of ids that is shortened."""

    find: Find
    removals: tuple[Removal, ...] = ()
    file: str = ""
    shortened: tuple[Removal, list[Any]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasurePlan:
    """What is kept of a person, what is removed of it, and what is not."""

    known: Known
    #: the keyed hash that is remembered
    who: str
    steps: tuple[Step, ...]
    #: what is at work, what only a person can change, what is not known, and what may be somebody else's of that number
    busy: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    waiting: Mapping[str, int] = field(default_factory=dict)

    @property
    def found(self) -> Mapping[str, int]:
        """How many finds by place."""
        counts = {place: sum(each.find.place == place for each in self.steps) for place in PLACES}
        return {place: number for place, number in counts.items() if number}


class ForgetPerson:
    """The use-case of `leadbridge forget`."""

    def __init__(self, *, shelves: Shelves, secret: Callable[[], bytes], clock: Clock) -> None:
        """`secret` is the key under which persons are indexed."""
        self._shelves = shelves
        self._secret = secret
        self._clock = clock

    def plan(self, email: str, ids: Sequence[str] = ()) -> ErasurePlan:
        """Find everything; `ids` of either system are those to which nothing leads any more. Nothing is removed.

        Raises:
            ConfigurationError: It is no address, or no id.
        """
        known = self._resumed(_begun(email, ids))
        configured = self._configured()
        for _ in range(_PASSES):
            person = Person(
                known=known,
                secret=self._secret(),
                one_instance=len(configured.instances) < 2,
                id_fields=configured.id_fields,
            )
            look = _Look(self._shelves, person, configured.connections)
            look.through()
            if look.known == known:
                return look.plan()
            known = look.known
        raise ConfigurationError(["what is kept leads to ever more ids; this is no single person"])

    def carry_out(self, plan: ErasurePlan, by: str) -> ErasurePlan:
        """Remove what a plan found; what it gives back tells what was removed."""
        noted = Erasure(at=self._clock.now(), who=plan.who, by=by, found=plan.found, known=plan.known)
        self._log(noted)
        gone, left = list[Step](), list[str]()
        for step in plan.steps:
            if self._removed(step):
                gone.append(step)
            else:
                left.append(step.find.where)
        done = replace(plan, steps=tuple(gone), busy=(*plan.busy, *left))
        if done.busy:
            self._log(replace(noted, found=done.found))
            return done
        # the tries before have come to their end, too
        for each in (*self._open(plan.who), replace(noted, found=done.found)):
            self._log(replace(each, known=None))
        return done

    def log(self) -> list[Erasure]:
        """That people were forgotten, the newest first."""
        return erasures_of(self._shelves.under(STATE, LOGGED))

    def _open(self, who: str) -> list[Erasure]:
        """Tries that did not come to their end."""
        return [each for each in self.log() if each.who == who and not each.finished]

    def _resumed(self, known: Known) -> Known:
        """What is known of who is asked for, with what tries knew that did not come to their end."""
        who = Person(known=known, secret=self._secret()).email_hash
        for each in self.log():
            if each.who == who and each.known is not None:
                known = known.grown(
                    leads=each.known.leads, records=each.known.records, executions=each.known.executions
                )
        return known

    def _removed(self, step: Step) -> bool:
        if step.file:
            self._shelves.remove_files([step.file])
            return True
        if step.shortened is not None:
            return self._shelves.amend(*step.shortened)
        return self._shelves.remove(step.removals)

    def _log(self, erasure: Erasure) -> None:
        at = erasure.at.isoformat()
        facts = {"at": at, "who": erasure.who, "by": erasure.by, "found": dict(erasure.found)}
        key = {"pk": LOGGED, "sk": f"{at}#{erasure.who}"}
        known = erasure.known
        ids = {} if known is None else {name: sorted(getattr(known, name)) for name in _IDS}
        self._shelves.keep(STATE, {**key, "v": 1, **facts, "ids": None if known is None else ids})

    def _configured(self) -> "_Configured":
        """What documents say, in all their versions: what came by an earlier one may still be kept."""
        items = list(self._shelves.items(CONFIG))
        documents = [record for item in items for _, record in records_in(dict(item))]
        # nothing ever came by a draft, which may have a wrong address
        used = [item for item in items if item.get("state") != DocumentState.DRAFT]
        told = [record for item in used for _, record in records_in(item.get("document"))]
        return _Configured(
            id_fields=frozenset(str(each["id_field"]).casefold() for each in documents if each.get("id_field")),
            connections=frozenset(str(item["sk"]) for item in items if "connection" in str(item["pk"])),
            instances=frozenset(str(each["base_url"]).casefold() for each in told if each.get("kind") == _MARKETO),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configured:
    """What the documents of a deployment say of where its people come from."""

    #: Marketo's fields that hold Salesforce ids, as the cycles say
    id_fields: frozenset[str]
    connections: frozenset[str]
    #: addresses of Marketo's
    instances: frozenset[str]


class _Look:
    """One pass through everything, with what is known at its begin."""

    def __init__(self, shelves: Shelves, person: Person, connections: Iterable[str]) -> None:
        self._shelves = shelves
        self._person = person
        self.known = person.known
        secret, known = person.secret, person.known
        self._guards = {
            *(lead_guard(secret, each, lead) for each in connections for lead in known.leads if person.one_instance),
            *(match_guards(secret, each)(*how, known.email) for each in connections for how in _LOOKED_FOR),
        }
        self._steps: list[Step] = []
        self._busy: list[str] = []
        self._documents: list[str] = []
        self._unknown: list[str] = []
        self._alike: list[str] = []
        #: of executions: the item in the inbox, and entries of the log
        self._events: dict[str, Item] = {}
        self._entries: dict[str, list[Item]] = {}
        #: runs that are not over, by kind, owner and slot; folders of bulk runs; files of imports
        self._at_work: set[tuple[str, str, str]] = set()
        #: Syncs and slots of runs that are
        self._over: set[tuple[str, str]] = set()
        self._folders: list[str] = []
        self._chunks: dict[str, str] = {}
        #: runs, chunks and the like, which are judged when all is seen
        self._later: list[tuple[str, Item, bool]] = []

    def plan(self) -> ErasurePlan:
        """What was found."""
        return ErasurePlan(
            known=self.known,
            who=self._person.email_hash,
            steps=tuple(self._steps),
            busy=tuple(self._busy),
            documents=tuple(self._documents),
            unknown=tuple(self._unknown),
            alike=tuple(self._alike),
            waiting=self._shelves.waiting(),
        )

    def through(self) -> None:
        """Look at all tables, and at all files."""
        for item in self._shelves.items(EXECUTIONS):
            self._execution(item)
        self._of_executions()
        self._of_the_rest()
        for item in self._shelves.items(STATE):
            self._state(item)
        for item in self._shelves.items(KEYS):
            self._key(item)
        for item in self._shelves.items(CONFIG):
            if self._seen(item).addressed:
                self._documents.append(_where(item))
        # files are the dearest to read: they wait until the tables teach no more ids
        if self.known == self._person.known:
            for key in self._shelves.files():
                self._file(key)

    def _seen(self, item: Item) -> "_Seen":
        """By what an item is about the person; what it teaches is noted."""
        person, inside = self._person, list(records_in(dict(item)))
        for under, record in inside:
            self._learn(person.learnt(record, under))
        words = [*(words_of(record) for _, record in inside), _unusable(item)]
        return _Seen(
            addressed=any(map(person.addressed_in, words)),
            named=any(map(person.named_in, words)),
            numbered=any(person.numbered_in(record, under) for under, record in inside),
        )

    def _sure(self, where: str) -> bool:
        """Whether what has nothing of the person but Marketo's number is the person's; else it is told."""
        if not self._person.one_instance:
            self._alike.append(where)
        return self._person.one_instance

    def _learn(self, known: Known) -> None:
        self.known = self.known.grown(leads=known.leads, records=known.records, executions=known.executions)

    # the executions table

    def _execution(self, item: Item) -> None:
        pk, sk = str(item["pk"]), str(item["sk"])
        kind = pk.partition("#")[0]
        if kind in {"sync", "cycle"} and sk.startswith("run#"):
            self._note_run(kind, pk.partition("#")[2], sk.removeprefix("run#"), json.loads(item["run"]))
        elif pk.startswith("bulk#run#"):
            run = json.loads(item["run"])
            if run["step"] not in _ENDS:
                self._folders.append(f"{run['prefix'].rstrip('/')}/{run['name']}/")
        elif kind == "import":
            self._folders.append(f"imports/{pk.rpartition('#')[2]}")
        elif kind == "chunk" and sk == "state":
            self._chunks[pk] = str(item["chunk_state"])
        seen = self._seen(item)
        if not (seen.addressed or seen.named or (seen.numbered and self._sure(_where(item)))):
            return
        if pk.startswith(_INBOX):
            self._events[str(item["execution_id"])] = item
            self._learn(self.known.grown(executions=[str(item["execution_id"])]))
        elif kind in {"execution", "parked"}:
            execution = pk.partition("#")[2] if kind == "execution" else sk.rpartition("#")[2]
            self._entries.setdefault(execution, []).append(item)
            self._learn(self.known.grown(executions=[execution]))
        else:
            self._later.append((kind, item, seen.addressed))

    def _note_run(self, kind: str, owner: str, slot: str, run: Mapping[str, Any]) -> None:
        if run["step"] in _ENDS:
            self._over.update([(owner, slot)] if kind == "sync" else [])
            return
        self._at_work.add((kind, owner, slot))
        # it reads what an earlier run has stored
        self._at_work.update((kind, owner, str(run[name])) for name in ("plan", "retry_of") if run.get(name))

    def _of_executions(self) -> None:
        for execution in sorted(self._events.keys() | self._entries.keys()):
            event, entries = self._events.get(execution), self._entries.get(execution, [])
            if event is not None and not _rests(event):
                self._busy.append(f"call {execution}")
                continue
            was = {"state": event["state"], "epoch": event["epoch"]} if event is not None else {}
            removals = [Removal(table=EXECUTIONS, key=_key_of(event), was=was)] if event is not None else []
            removals += [
                Removal(table=EXECUTIONS, key=_key_of(each), was={"state": each["state"]} if "state" in each else {})
                for each in entries
            ]
            place = "executions" if event is None else "inbox"
            find = Find(place=place, where=f"execution {execution}")
            self._steps.append(Step(find=find, removals=tuple(removals)))

    def _of_the_rest(self) -> None:
        for kind, item, addressed in self._later:
            pk, sk = str(item["pk"]), str(item["sk"])
            if kind == "chunk":
                self._of_chunk(item)
            elif kind in {"sync", "cycle"}:
                part = pk.startswith("sync#part#")
                owner, slot = pk.split("#")[2:4] if part else (pk.partition("#")[2], sk.removeprefix("run#"))
                self._take("runs", EXECUTIONS, item, busy=self._runs(kind, owner, slot))
            elif kind == "bulk":
                run = json.loads(item.get("run") or "{}")
                at_work = run.get("step", "done") not in _ENDS
                self._take("runs", EXECUTIONS, item, busy=at_work)
            elif kind == "meetings":
                self._take("executions", EXECUTIONS, item)
            elif addressed:
                self._unknown.append(_where(item))

    def _of_chunk(self, item: Item) -> None:
        pk = str(item["pk"])
        is_open = self._chunks.get(pk) == ChunkState.OPEN
        people = item.get("lead_ids")
        if people is None or is_open:
            self._take("chunks", EXECUTIONS, item, busy=is_open)
            return
        others = [each for each in people if str(each) not in self._person.known.leads]
        removal = Removal(table=EXECUTIONS, key=_key_of(item), was={"lead_ids": people})
        find = Find(place="chunks", where=_where(item))
        self._steps.append(Step(find=find, shortened=(removal, others)))

    def _runs(self, kind: str, owner: str, slot: str) -> bool:
        """Whether a run is at work, or the run of the cycle for which it reads or writes."""
        cycle = owner.partition(".")[0]
        return (kind, owner, slot) in self._at_work or ("cycle", cycle, slot) in self._at_work

    def _take(self, place: str, table: str, item: Item, *, busy: bool = False) -> None:
        if busy:
            self._busy.append(_where(item))
            return
        find = Find(place=place, where=_where(item))
        self._steps.append(Step(find=find, removals=(Removal(table=table, key=_key_of(item)),)))

    # the others

    def _state(self, item: Item) -> None:
        pk, sk = str(item["pk"]), str(item["sk"])
        if pk == LOGGED:
            return
        known, parts = self._person.known, [*pk.split("#"), *sk.split("#")]
        if parts[0] == "cycle" and (sk == "link" or "people" in parts):
            record = pk.rpartition("#")[2] if sk == "link" else str(item["salesforce_id"])
            lead = str(item["marketo_id"]) if sk == "link" else sk
            # companies and sales persons have numbers of their own
            later = str(item.get("moved_to", ""))
            numbered = lead in known.leads and is_of_people(record)
            if known.records & {record, later} or (numbered and self._sure(_where(item))):
                records = [each for each in (record, later) if is_of_people(each)]
                self._learn(known.grown(leads=[lead] if lead.isdecimal() else [], records=records))
                self._take("links", STATE, item)
        elif parts[0] == "cycle" and sk.startswith("due#"):
            object_name, record = parts[-2:]
            numbered = object_name == PERSON and record in known.leads
            if record in known.records or (numbered and self._sure(_where(item))):
                self._take("due", STATE, item)
        elif self._seen(item).addressed:
            self._unknown.append(_where(item))

    def _key(self, item: Item) -> None:
        pk, owner = str(item["pk"]), str(item.get("owner", ""))
        mine = owner in self._person.known.executions
        at_work = mine and owner in self._events and not _rests(self._events[owner])
        # a guard that somebody else holds is given back, and expires; with its run a shift of it has ended
        held = owner and run_of(owner) not in self._over
        if not at_work and (mine or (pk in self._guards and not held)):
            self._take("keys", KEYS, item)

    def _file(self, key: str) -> None:
        if not self._in_file(key):
            return
        kind, owner, slot = (*key.split("/"), "", "")[:3]
        if self._runs(kind, owner, slot) or any(key.startswith(each) for each in self._folders):
            self._busy.append(f"file {key}")
            return
        self._steps.append(Step(find=Find(place="files", where=key), file=key))

    def _in_file(self, key: str) -> bool:
        content, found, numbered, person = self._shelves.read(key), False, False, self._person
        for record, words in _records_of(key, content or ()):
            numbered |= person.numbered_among(words) if record is None else person.numbered_in(record)
            self._learn(person.learnt(record or {}))
            found = found or person.addressed_in(words) or person.named_in(words)
        return found or (numbered and self._sure(f"file {key}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """By what something is about the person: the address, an id, Marketo's number."""

    addressed: bool
    named: bool
    numbered: bool


def erasures_of(items: Iterable[Item]) -> list[Erasure]:
    """What is remembered of erasures, the newest first."""
    return sorted(map(_erasure, items), key=lambda each: each.at, reverse=True)


def _records_of(key: str, content: Iterable[bytes]) -> Iterator[tuple[Mapping[str, Any] | None, str]]:
    """What a file consists of, as records and as texts; what cannot be read as what it is called is a text alone."""
    if key.endswith(".csv"):
        try:
            rows = Rows(content)
            for row in rows:
                yield dict(zip(rows.header, row, strict=True)), "\x1f".join(row)
        except (SchemaDriftError, UnreadableFileError):
            yield None, b"".join(content).decode("utf-8", "replace")
        return
    text = b"".join(content).decode("utf-8", "replace")
    for line in text.splitlines() if key.endswith(".jsonl") else [text]:
        try:
            value = json.loads(line)
        except ValueError:
            yield None, line
            continue
        for record in chain([{}], (record for _, record in records_in(value))):
            yield record, words_of(record or value)


def _unusable(item: Item) -> str:
    """A body that could not be used, as a text: it is kept as it came."""
    return b64decode(str(item.get("body") or "")).decode("utf-8", "replace")


def _begun(email: str, ids: Sequence[str]) -> Known:
    address = normalised(email)
    findings = [] if "@" in address.strip("@") else ["--email: give an e-mail address"]
    leads, records = [each for each in ids if each.isdecimal()], [each for each in ids if is_id(each)]
    if len(leads) + len(records) < len(ids):
        findings.append("--id: give Marketo's number of the person, or the id of a Lead or Contact")
    if findings:
        raise ConfigurationError(findings)
    return Known(email=address).grown(leads=leads, records=records)


def _rests(event: Item) -> bool:
    """Whether nothing of a call may be on its way to a vendor."""
    begun = event.get("intent") or event.get("result") or event.get("chain")
    return event["state"] == State.WAITING and not begun and not str(event["pk"]).startswith("import#")


def _key_of(item: Item) -> Key:
    return {name: str(item[name]) for name in ("pk", "sk") if name in item}


def _where(item: Item) -> str:
    return " / ".join(_key_of(item).values())


def _erasure(item: Item) -> Erasure:
    return Erasure(
        at=datetime.fromisoformat(str(item["at"])),
        who=str(item["who"]),
        by=str(item["by"]),
        found={str(place): int(number) for place, number in item["found"].items()},
        # the address itself is never kept
        known=Known(email="", **{name: frozenset(item["ids"][name]) for name in _IDS}) if item.get("ids") else None,
    )
