"""`leadbridge forget` on the template's tables and a bucket in this process: what stood there stands nowhere then."""

import base64
import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest
from click.testing import CliRunner, Result

from leadbridge.aws.chunks import DynamoChunks, put_told
from leadbridge.aws.cycles import DynamoCycleRuns
from leadbridge.aws.due import DynamoDueRecords
from leadbridge.aws.items import dump, load, write_groups
from leadbridge.aws.links import DynamoLinks
from leadbridge.aws.shelves import AwsShelves
from leadbridge.aws.syncs import DynamoSyncRuns
from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.flow_step import ChunkState
from leadbridge.domain.guards import lead_guard
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.ids import canonical
from leadbridge.domain.outcome import State
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.domain.three_way import Memory, Side
from leadbridge.usecases.forget_person import CONFIG, EXECUTIONS, KEYS, STATE, ForgetPerson
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.actions import MARKETO, a_marketo_connection
from tests.builders.cycles import a_cycle
from tests.builders.events import a_payload, an_arrival, an_event
from tests.builders.flow_steps import a_chunk, told_of
from tests.contract.ports.builders import arrival_of
from tests.contract.ports.worlds import DynamoWorld
from tests.fakes.clock import NOON
from tests.fault.leaks.scanner import Canary, Place, scan
from tests.integration.aws.local_aws import client, local_aws
from tests.integration.aws.local_aws import scan as all_items

BUCKET = "data"
EMAIL, NAME, PHONE = "Zöe.Quaxley@example.com", "Quaxley-Ottoline", "+49 30 7788990011"
LEAD, OTHER = 900_417, 900_418
RECORD, NEXT = canonical("00Q5g00000QUAX1"), canonical("0035g00000QUAX2")
STRANGER = canonical("0035g00000STRAN")
PERSON: dict[str, Any] = {"email": EMAIL, "lastName": NAME, "phone": PHONE}
CANARIES = [
    Canary("address", EMAIL),
    Canary("name", NAME),
    Canary("phone", PHONE),
    Canary("Lead", RECORD),
    Canary("Contact", NEXT),
]
TABLES = {CONFIG: "ConfigTable", EXECUTIONS: "ExecutionsTable", KEYS: "KeysTable", STATE: "StateTable"}
READ = SyncRun(
    sync="main.from-people",
    slot="20260302T120000Z",
    version=1,
    source="marketo",
    destination="salesforce",
    epoch=1,
    started_at=NOON,
    step=Step.DONE,
)
CYCLE = CycleRun(cycle="main", slot=READ.slot, version=1, epoch=1, started_at=NOON, step=CycleStep.DONE)


@dataclass(frozen=True, kw_only=True)
class Desk(Target):
    """A deployment in this process."""

    world: DynamoWorld

    @cached_property
    def shelves(self) -> AwsShelves:
        """Everything that it keeps."""
        sqs = client("sqs")
        queue = sqs.create_queue(QueueName="dead")["QueueUrl"]
        sqs.send_message(QueueUrl=queue, MessageBody="x")
        return AwsShelves(
            dynamodb=self.world.raw,
            tables=TABLES,
            s3=client("s3"),
            bucket=BUCKET,
            sqs=sqs,
            queues={"on_the_way": [], "dead": [queue]},
        )

    def forget_person(self) -> ForgetPerson:
        """On the world's tables."""
        return ForgetPerson(shelves=self.shelves, secret=lambda: b"index-key", clock=self.world.clock)

    def author(self) -> str:
        """Somebody."""
        return "arn:aws:iam::123456789012:role/Keeper"

    def cli(self, *arguments: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(main, ["forget", *arguments], obj=self, catch_exceptions=False)

    def told(self, *arguments: str) -> str:
        """What the command says that goes well."""
        result = self.cli(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def put(self, key: str, content: str) -> None:
        """A file."""
        client("s3").put_object(Bucket=BUCKET, Key=key, Body=content.encode())

    def files(self) -> list[str]:
        """The keys of all files."""
        return list(self.shelves.files())

    def places(self) -> Iterator[Place]:
        """Everything that is kept."""
        for table in TABLES.values():
            for number, raw in enumerate(all_items(self.world.raw, table)):
                item = load(raw)
                body = base64.b64decode(item.get("body") or "")
                yield Place(f"{table}/{number}", json.dumps(item, default=repr).encode() + b"\n" + body)
        for key in self.files():
            yield Place(f"s3/{key}", b"".join(self.shelves.read(key) or ()))


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Tables and a bucket in which a person stands wherever one can, and somebody else beside."""
    with local_aws():
        client("s3").create_bucket(Bucket=BUCKET)
        desk = Desk(outputs={}, session=None, world=DynamoWorld())
        plant(desk)
        yield desk


def plant(desk: Desk) -> None:
    """Store what workers, runs and cycles store of two people."""
    world = desk.world
    world.configurations.put(a_marketo_connection())
    world.configurations.put(a_cycle(persons={"id_field": "crmRef", "leads": {"fields": FIELDS}}))
    calls(world)
    chunks(world)
    state(world)
    files(desk)


FIELDS = [{"marketo": "lastName", "salesforce": "LastName"}]


def calls(world: DynamoWorld) -> None:
    """One waits, one waits for a person, one had a body that nobody can read, one is over; one is somebody else's."""
    for event in (an_event(1, payload=a_payload(LEAD, **PERSON)), an_event(2, payload=a_payload(OTHER))):
        world.inbox.add(event, arrival_of(event))
    parked = an_arrival(3, payload=a_payload(LEAD, **PERSON))
    world.inbox.set_aside(parked, state=State.PARKED, reason="person_missing", message="waits")
    body = base64.b64encode(f"<lead><email>{EMAIL}</email><name>{NAME}</name>".encode()).decode()
    world.inbox.set_aside(an_arrival(4, payload={}, body=body), state=State.REJECTED, reason="x", message="y")
    log = {"pk": "execution#old", "sk": "log", "v": 1, "execution_id": "old", "state": "ended", "sequence": "1"}
    hashes = {"lead_id": str(LEAD), "lead_hash": keyed_hash(b"index-key", "lead", str(LEAD)), "salesforce_id": RECORD}
    held = {"pk": lead_guard(b"index-key", MARKETO, str(LEAD)), "last#a": "1", "v": 1}
    claimed = {"pk": "claim", "owner": "old", "payload_hash": "h", "v": 1}
    for table, item in (("ExecutionsTable", log | hashes), ("KeysTable", held), ("KeysTable", claimed)):
        world.raw.put_item(TableName=table, Item=dump(item))
    world.raw.put_item(TableName="KeysTable", Item=dump({"pk": "stranger", "owner": "somebody", "v": 1}))


def chunks(world: DynamoWorld) -> None:
    """A chunk that was answered, and what is still kept to be told of its people."""
    kept = DynamoChunks(world.raw, table="ExecutionsTable", retention=timedelta(days=9), now=world.clock.now)
    kept.open(a_chunk(2, lead_ids=(LEAD, OTHER), state=ChunkState.SENT))
    told = [told_of(LEAD, values={"phone": PHONE}), told_of(OTHER, values={"phone": "1"})]
    write_groups(world.raw, [[put_told("ExecutionsTable", "c1", each, world.clock.now())] for each in told])


def state(world: DynamoWorld) -> None:
    """Links (a Lead that became a Contact), records that are due, and two runs that are over."""
    links = DynamoLinks(world.raw, table="StateTable", cycle="main")
    memory = {"email=Email": Memory("00" * 8, "11" * 8, None)}
    links.keep([Link(salesforce_id=NEXT, marketo_id=str(LEAD), memory=memory, moved_to="", parted="")])
    links.keep([Link(salesforce_id=RECORD, marketo_id="", memory={}, moved_to=NEXT, parted="")])
    links.keep([Link(salesforce_id=STRANGER, marketo_id=str(OTHER), memory=memory, moved_to="", parted="")])
    due = DynamoDueRecords(world.raw, table="StateTable", cycle="main")
    due.add(
        DueRecord(side=side, object=name, id=record, noted_at=NOON)
        for side, name, record in (
            (Side.SALESFORCE, "Contact", NEXT),
            (Side.MARKETO, "leads", str(LEAD)),
            # a company of the same number
            (Side.MARKETO, "companies", str(LEAD)),
            (Side.SALESFORCE, "Contact", STRANGER),
        )
    )
    runs: dict[str, Any] = {"executions": "ExecutionsTable", "state": "StateTable", "retention": timedelta(days=9)}
    DynamoSyncRuns(world.raw, **runs, now=world.clock.now).begin(READ)
    DynamoCycleRuns(world.raw, **runs, now=world.clock.now).begin(CYCLE)


def files(desk: Desk) -> None:
    """Pages, partitions, decisions, outcomes, a piece that is no file by itself; and a page of somebody else."""
    rows = [{"id": LEAD, "email": EMAIL, "lastName": NAME, "crmRef": NEXT}, {"id": OTHER, "email": "o@example.com"}]
    desk.put(f"{READ.folder}/extract/00001.csv", table(rows))
    desk.put(f"{READ.folder}/extract/00002.csv", table(rows[1:]))
    desk.put(f"{READ.folder}/results/00001-00001.csv", table([{"row": 1, "outcome": "created", "id": LEAD}]))
    spilt = json.dumps(["Contact", {"Id": NEXT, "LastName": NAME}, False])
    desk.put(f"{CYCLE.folder}/people/by_link/00001/00000.jsonl", spilt + "\n")
    desk.put(f"{CYCLE.folder}/people/outcomes/00001.csv", table([{"object": "Lead", "salesforce_id": RECORD}]))
    desk.put("bulk/old/piece-00002", f'her","{EMAIL.lower()}",{PHONE}\nx,"y')
    desk.put("imports/f1/part-00001.json", json.dumps({"leads": [{"leadId": str(LEAD), "phone": PHONE}]}))
    desk.put("imports/f1/broken.csv", f'id,email\n1,"{EMAIL}')


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV."""
    into = io.StringIO(newline="")
    writer = csv.DictWriter(into, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return into.getvalue()


def test_nothing_of_a_forgotten_person_stands_in_any_table_or_file(desk: Desk) -> None:
    """A scanner that knows nothing of the product finds address, name, phone and ids before and not after; what is
    somebody else's is all there; the receipt tells each place, and what stays in the vendors' systems."""
    before = scan(desk.places(), CANARIES)
    assert {each.what for each in before} == {each.name for each in CANARIES}
    receipt = desk.told("--email", EMAIL, "--yes")

    assert scan(desk.places(), CANARIES) == []
    left = "".join(f"{place.name} {place.content.decode()}" for place in desk.places())
    assert str(LEAD) not in left.replace(f"marketo#companies#{LEAD}", "")
    assert f"marketo#companies#{LEAD}" in left
    assert desk.files() == [f"{READ.folder}/extract/00002.csv"]
    for mine in (f"person{OTHER}@example.com", f"cycle#main#{STRANGER}", f"Contact#{STRANGER}", "stranger"):
        assert mine in left
    for line in (
        "1 calls that wait in the inbox",
        "3 entries of executions",
        "2 entries of chunks",
        "3 links of cycles",
        "4 notes of records that are due",
        "2 key guards and dedupe claims",
        "7 files of runs",
        "nothing deleted there",
        "Dead letter queues (1 messages)",
    ):
        assert line in receipt
    # what is remembered of it does not say who
    [told] = json.loads(desk.told("--log", "--json"))
    assert told["who"] == keyed_hash(b"index-key", "email", EMAIL.casefold())
    assert (told["by"], told["finished"], told["found"]["files"]) == (desk.author(), True, 7)
    assert told["who"] in desk.told("--log")
