"""Who is forgotten, what is at work meanwhile, and a process that dies in the middle: on tables in memory."""

import copy
import json
from contextlib import suppress
from typing import Any

import pytest

from leadbridge.domain.erasure import LEFT, Person
from leadbridge.domain.guards import lead_guard, match_guards
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.ids import canonical
from leadbridge.domain.shifts import Shift
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.erasure_told import erasure_line, left_lines, plan_lines, plan_members
from leadbridge.usecases.forget_person import CONFIG, EXECUTIONS, KEYS, STATE, ErasurePlan, ForgetPerson
from tests.fakes.clock import SettableClock
from tests.fakes.shelves import InMemoryShelves
from tests.fakes.steps import Crash

EMAIL, SECRET = "ada@example.com", b"index-key"
LEAD, RECORD = "4711", canonical("0035g00000ADA01")
STRANGER = canonical("0035g00000EVE01")
BY = "arn:aws:iam::123456789012:role/Keeper"
SLOT = "20260302T120000Z"


def forgetting(shelves: InMemoryShelves) -> ForgetPerson:
    """The use-case."""
    return ForgetPerson(shelves=shelves, secret=lambda: SECRET, clock=SettableClock())


def event(shelves: InMemoryShelves, name: str = "one", **members: Any) -> None:
    """A call in the inbox, with its log."""
    payload = json.dumps({"lead": {"id": int(LEAD), "email": EMAIL}})
    common = {"execution_id": name, "state": "waiting"}
    waiting = {"pk": "lane#crm", "sk": name, "payload": payload, "epoch": 0, **common, **members}
    shelves.put(EXECUTIONS, **waiting)
    hashes = {"email_hash": keyed_hash(SECRET, "email", EMAIL), "lead_id": LEAD}
    shelves.put(EXECUTIONS, pk=f"execution#{name}", sk="log", **common, **hashes)


def strangers(shelves: InMemoryShelves, state: str = "waiting", number: int = 4712, **payload: Any) -> None:
    """Somebody else's call, which waits or is kept aside, with its log and a claim."""
    text = json.dumps({"lead": {"id": number, "email": "eve@example.com"}, **payload})
    if state == "waiting":
        shelves.put(
            EXECUTIONS, pk="lane#crm", sk="hers", payload=text, epoch=0, execution_id="hers", state=state, read="{}"
        )
    else:
        kept = json.dumps({"state": "waiting", "read": "{}"})
        shelves.put(EXECUTIONS, pk="execution#hers", sk="payload", payload=text, event=kept)
    hashes = {"email_hash": keyed_hash(SECRET, "email", "eve@example.com"), "lead_id": str(number)}
    hashes |= {"lead_hash": keyed_hash(SECRET, "lead", str(number)), "salesforce_id": STRANGER, "campaign_id": LEAD}
    shelves.put(EXECUTIONS, pk="execution#hers", sk="log", execution_id="hers", state=state, **hashes)
    shelves.put(KEYS, pk="hers", owner="hers")


def connected(shelves: InMemoryShelves, version: int, host: str, state: str = "active") -> None:
    """A version of a connection to Marketo."""
    document = json.dumps({"kind": "marketo_connection", "id": "crm", "base_url": f"https://{host}.mktorest.com"})
    sk = f"crm#{version:06d}"
    shelves.put(CONFIG, pk="marketo_connection#history", sk=sk, state=state, document=document, text=f"{document} ")


def run(shelves: InMemoryShelves, owner: str, step: str = "done", kind: str = "sync", **members: str) -> None:
    """A run, and a page of it that names the person by the number alone."""
    text = json.dumps({"step": step, **members})
    shelves.put(EXECUTIONS, pk=f"{kind}#{owner}", sk=f"run#{SLOT}", run=text)
    shelves.contents[f"{kind}/{owner}/{SLOT}/extract/00001.csv"] = f"leadId,x\r\n{LEAD},1\r\n".encode()


def full() -> InMemoryShelves:
    """A person in each kind of place."""
    shelves = InMemoryShelves()
    event(shelves)
    run(shelves, "people")
    shelves.put(STATE, pk=f"cycle#main#{RECORD}", sk="link", marketo_id=LEAD)
    shelves.put(STATE, pk="cycle#main#people#07", sk=LEAD, salesforce_id=RECORD)
    shelves.put(STATE, pk="cycle#main", sk=f"due#record#salesforce#Contact#{RECORD}")
    shelves.put(KEYS, pk="claim", owner="one")
    shelves.contents["cycle/main/x/people/decided/00001.jsonl"] = json.dumps({"salesforce_id": RECORD}).encode()
    shelves.contents["bulk/a/extract.csv"] = f"id,email\r\n{LEAD},{EMAIL}\r\n".encode()
    shelves.contents["bulk/b/extract.csv"] = b"id,email\r\n4712,eve@example.com\r\n"
    return shelves


def left(shelves: InMemoryShelves) -> list[str]:
    """What is kept beside runs and what is remembered of erasures."""
    items = [f"{pk} / {sk}" for table in shelves.tables.values() for pk, sk in table]
    return sorted(each for each in [*items, *shelves.contents] if not each.startswith(("erasures", "sync#")))


def test_a_process_that_dies_anywhere_is_finished_by_the_same_command() -> None:
    """Before each change of it: whatever is left is found once more by the address alone, and goes; no id is kept."""
    whole = full()
    forgetting(whole).carry_out(forgetting(whole).plan(EMAIL), BY)
    changes = 1_000 - whole.lives
    assert changes > 9
    assert left(whole) == ["bulk/b/extract.csv"]

    for lives in range(changes):
        shelves = copy.deepcopy(full())
        shelves.lives = lives
        with suppress(Crash):
            forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)
            pytest.fail("the process did not come so far")
        shelves.lives = 1_000
        done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)

        assert left(shelves) == ["bulk/b/extract.csv"], lives
        assert not done.busy
        assert all(each.finished for each in forgetting(shelves).log())
        assert LEAD not in str(shelves.tables[STATE])


def test_a_plan_removes_nothing_and_reads_each_file_once() -> None:
    """Ids are learnt from the tables first; a file that teaches one more is read again with it."""
    shelves = full()
    before = left(shelves)
    plan = forgetting(shelves).plan(f"  {EMAIL.upper()} ")

    assert left(shelves) == before
    assert [*plan.known.leads, *plan.known.records] == [LEAD, RECORD]
    assert plan.found == {"inbox": 1, "links": 2, "due": 1, "keys": 1, "files": 3}
    assert sorted(shelves.reads) == sorted(shelves.contents)
    lines = list(plan_lines(plan))
    assert lines[0] == f"Known by {LEAD}, {RECORD}."
    assert "  execution one" in lines


@pytest.mark.parametrize(
    ("members", "busy"),
    [
        pytest.param({"state": "writing"}, ["call one"], id="writing"),
        pytest.param({"state": "reporting"}, ["call one"], id="reporting"),
        pytest.param({"intent": {"at": "x"}}, ["call one"], id="intent"),
        pytest.param({"pk": "import#crm#f1"}, ["call one"], id="in a file"),
        pytest.param({"pk": "buffer#crm"}, [], id="waits for others"),
    ],
)
def test_a_call_that_may_be_on_its_way_is_left_with_all_that_is_kept_of_it(
    members: dict[str, str], busy: list[str]
) -> None:
    """Its log and its claims stay with it; one that has not begun goes, and what is left is told."""
    shelves = InMemoryShelves()
    event(shelves, **members)
    shelves.put(KEYS, pk="claim", owner="one")

    done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)

    assert list(done.busy) == busy
    assert bool(shelves.tables[KEYS]) == bool(busy)
    assert [key for key in shelves.tables[EXECUTIONS] if key[1] == "log"] == (
        [("execution#one", "log")] if busy else []
    )
    assert forgetting(shelves).log()[0].finished == (not busy)
    assert any("Run the same command once more" in line for line in left_lines(done)) == bool(busy)


def test_a_call_that_is_begun_after_the_plan_is_left() -> None:
    """The plan was printed, somebody thought, a worker took it: neither its log nor it goes."""
    shelves = InMemoryShelves()
    event(shelves)
    plan = forgetting(shelves).plan(EMAIL)
    shelves.tables[EXECUTIONS]["lane#crm", "one"]["epoch"] = 3

    done = forgetting(shelves).carry_out(plan, BY)

    assert done.busy == ("execution one",)
    assert len(shelves.tables[EXECUTIONS]) == 2


@pytest.mark.parametrize(
    ("owner", "kind", "others"),
    [
        pytest.param("people", "sync", {"people": "load"}, id="its own"),
        pytest.param("main.from-people", "sync", {}, id="of a cycle that goes on"),
        pytest.param("main", "cycle", {}, id="of the cycle"),
    ],
)
def test_files_of_a_run_that_is_not_over_are_left(owner: str, kind: str, others: dict[str, str]) -> None:
    """Also of Syncs that are over and whose cycle is not. Then the run ends, and the address alone is enough."""
    shelves = InMemoryShelves()
    run(shelves, owner, others.get(owner, "remember" if kind == "cycle" else "done"), kind)
    if "." in owner:
        run(shelves, "main", "decide", "cycle")
    name = f"{kind}/{owner}/{SLOT}/extract/00001.csv"

    done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL, [LEAD]), BY)

    assert f"file {name}" in done.busy
    assert name in shelves.contents
    for key, item in shelves.tables[EXECUTIONS].items():
        shelves.tables[EXECUTIONS][key] = {**item, "run": json.dumps({"step": "done"})}
    forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)
    assert not shelves.contents


@pytest.mark.parametrize(("step", "left"), [("load", True), ("done", False), ("", True)])
def test_a_guard_goes_with_the_run_that_held_it(step: str, left: bool) -> None:
    """A run lets go of all its guards at once, so who held them stays there: known to be over, it holds none."""
    shelves = InMemoryShelves()
    shelves.put(CONFIG, pk="connection", sk="crm")
    if step:
        run(shelves, "people", step)
    guard = match_guards(SECRET, "crm")("Lead", "Email", EMAIL)
    held = Shift(sync="people", slot=SLOT, part=1, epoch=2, number=3)
    shelves.put(KEYS, pk=guard, owner=held.owner)
    shelves.put(KEYS, pk=held.key, current="")

    forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)

    assert [key[0] for key in shelves.tables[KEYS]] == [*([guard] if left else []), held.key]


def test_a_run_that_reads_files_of_an_earlier_one_keeps_them() -> None:
    """A new run over failed rows, or one that applies a plan."""
    shelves = InMemoryShelves()
    run(shelves, "people")
    text = json.dumps({"step": "load", "retry_of": SLOT})
    shelves.put(EXECUTIONS, pk="sync#people", sk="run#later", run=text)

    assert forgetting(shelves).plan(EMAIL, [LEAD]).busy == (f"file sync/people/{SLOT}/extract/00001.csv",)


def test_open_chunks_and_bulk_runs_are_left() -> None:
    """What is to be called back, and a file that is on its way."""
    shelves = InMemoryShelves()
    shelves.put(EXECUTIONS, pk="chunk#c1", sk="state", chunk_state="open", lead_ids=[int(LEAD)])
    shelves.put(EXECUTIONS, pk="chunk#c1", sk=f"told#{LEAD}", told=json.dumps({"lead_id": int(LEAD)}))
    shelves.put(
        EXECUTIONS, pk="bulk#run#r1", sk="run", run=json.dumps({"step": "poll", "prefix": "bulk", "name": "r1"})
    )
    shelves.contents["bulk/r1/part-00001.csv"] = f"email\r\n{EMAIL}\r\n".encode()

    plan = forgetting(shelves).plan(EMAIL, [LEAD])

    assert set(plan.busy) == {"chunk#c1 / state", f"chunk#c1 / told#{LEAD}", "file bulk/r1/part-00001.csv"}
    assert not plan.steps


def test_documents_and_what_nobody_knows_are_told_and_stay() -> None:
    """An address in a document is its owner's matter; an item of an unknown kind may be anything."""
    shelves = InMemoryShelves()
    shelves.put(CONFIG, pk="sync", sk="people", document=json.dumps({"value": EMAIL}))
    shelves.put(STATE, pk="odd", sk="one", text=f"mail to {EMAIL}.")
    shelves.put(EXECUTIONS, pk="odd", sk="two", text=EMAIL)
    shelves.messages = {"on_the_way": 2, "dead": 3}

    plan = forgetting(shelves).plan(EMAIL)

    assert (plan.documents, plan.unknown) == (("sync / people",), ("odd / two", "odd / one"))
    told = "\n".join(left_lines(plan))
    for words in ("stands in sync / people:", "odd / two, odd / one.", "(2)", "(3 messages)", "delete it there first"):
        assert words in told
    # nothing is at work, and one instance's numbers are its own
    assert len(list(left_lines(plan))) == len(LEFT) - 2
    assert list(plan_lines(plan))[-1] == "Nothing is kept of this person that can be removed."


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ada@example.com", True),
        ("mailto:Ada@Example.com?x", True),
        ("ada%40example.com", True),
        ("<ada@example.com>.", True),
        ("nada@example.com", False),
        ("x.ada@example.com", False),
        ("ada@example.com.evil.example", False),
        ("ada@example.community", False),
        ("ada+x@example.com", False),
    ],
)
def test_an_address_is_found_where_it_stands_by_itself(words: str, found: bool) -> None:
    """Whatever case and spelling; longer addresses are those of other people."""
    shelves = InMemoryShelves()
    shelves.contents["a.txt"] = words.encode()

    assert bool(forgetting(shelves).plan(EMAIL).steps) is found


def test_a_torn_piece_of_a_file_is_looked_at_for_the_number_by_itself() -> None:
    """An extract's second piece has no header; the number is a cell there, and no part of another one."""
    shelves = InMemoryShelves()
    shelves.contents["bulk/a/piece-00002"] = f"x,9\n{LEAD},10\n".encode()
    shelves.contents["bulk/a/piece-00003"] = f"x,1{LEAD}\n{LEAD}0,{LEAD} b\n".encode()

    plan = forgetting(shelves).plan(EMAIL, [LEAD])

    assert [each.find.where for each in plan.steps] == ["bulk/a/piece-00002"]


def test_numbers_and_references_of_others_are_not_taken_for_the_persons() -> None:
    """A count, another person's manager, a company of the same number, a Task; the record's own ids are learnt."""
    shelves = InMemoryShelves()
    manager = canonical("0035g00000BOSS1")
    row = {"Id": RECORD, "Email": EMAIL, "ReportsToId": manager, "id": LEAD, "count": "9"}
    shelves.contents["a.jsonl"] = json.dumps([row]).encode()
    shelves.contents["b.csv"] = f"rows,x\r\n{LEAD},9\r\n".encode()
    shelves.contents["c.csv"] = f"Id,LastName\r\n{manager},Boss\r\n".encode()
    shelves.put(STATE, pk=f"cycle#main#{canonical('0015g00000ACME1')}", sk="link", marketo_id=LEAD)
    shelves.put(STATE, pk="cycle#main", sk=f"due#record#marketo#companies#{LEAD}")

    plan = forgetting(shelves).plan(EMAIL)

    assert [each.find.where for each in plan.steps] == ["a.jsonl"]
    assert [*plan.known.leads, *plan.known.records] == [LEAD, RECORD]


@pytest.mark.parametrize("state", ["waiting", "parked"])
@pytest.mark.parametrize(
    "payload",
    [
        # as our own webhook sheet has it
        pytest.param({"campaign": {"id": int(LEAD)}, "program": {"id": int(LEAD), "name": "Fair"}}, id="campaign"),
        pytest.param({"token": {"id": LEAD, "lead_id": LEAD}}, id="token"),
        pytest.param({"list": {"id": LEAD}}, id="list"),
        pytest.param({"lists": [{"id": LEAD}]}, id="lists"),
        pytest.param({"referrer": {"lead": {"id": int(LEAD)}}}, id="a lead in what it brings"),
    ],
)
def test_a_call_of_somebody_else_stays_though_its_campaign_has_the_number(state: str, payload: dict[str, Any]) -> None:
    """It waits, or is kept aside: payload, log and claim are there afterwards; the person's own call is not."""
    shelves = InMemoryShelves()
    event(shelves)
    shelves.put(KEYS, pk="claim", owner="one")
    others = InMemoryShelves()
    for each in (shelves, others):
        strangers(each, state, **payload)

    done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)

    assert done.found == {"inbox": 1, "keys": 1}
    assert done.known.leads == {LEAD}
    assert shelves.tables[EXECUTIONS] == others.tables[EXECUTIONS]
    assert shelves.tables[KEYS] == others.tables[KEYS]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"payload": json.dumps({"lead": {"id": int(LEAD)}})}, id="of the payload"),
        pytest.param({"payload": "{}", "read": json.dumps({"id": int(LEAD)})}, id="of what was read"),
        pytest.param(
            {"payload": "{}", "decision": {"match": {"chosen": {"object": "person", "id": LEAD}}}},
            id="of who was found",
        ),
        pytest.param(
            {"payload": "{}", "event": json.dumps({"read": json.dumps({"id": int(LEAD)})})}, id="of what is kept"
        ),
    ],
)
def test_a_call_is_the_persons_by_the_number_of_its_lead_alone(members: dict[str, Any]) -> None:
    """Thin calls have no address: the lead of the payload tells, and who was read or found at Marketo."""
    shelves = InMemoryShelves()
    event(shelves, **members)
    del shelves.tables[EXECUTIONS]["execution#one", "log"]

    plan = forgetting(shelves).plan(EMAIL, [LEAD])

    assert plan.found == {"inbox": 1}
    assert not plan.alike


def two_people_of_one_number(*hosts: str) -> InMemoryShelves:
    """The person everywhere, and beside whoever has that number in another Marketo instance."""
    shelves = full()
    shelves.put(CONFIG, pk="marketo_connection", sk="crm")
    for version, host in enumerate(hosts, start=1):
        connected(shelves, version, host)
    strangers(shelves, number=int(LEAD))
    shelves.put(EXECUTIONS, pk="lane#crm", sk="thin", payload=json.dumps({"lead": {"id": int(LEAD)}}), epoch=0)
    shelves.tables[EXECUTIONS]["lane#crm", "thin"] |= {"execution_id": "thin", "state": "waiting"}
    shelves.put(EXECUTIONS, pk="chunk#c1", sk="state", chunk_state="sent", lead_ids=[int(LEAD)])
    shelves.put(STATE, pk="cycle#eu#people#07", sk=LEAD, salesforce_id=STRANGER)
    shelves.put(STATE, pk="cycle#eu", sk=f"due#record#marketo#leads#{LEAD}")
    shelves.put(KEYS, pk=lead_guard(SECRET, "crm", LEAD), writes=1)
    return shelves


def test_whoever_has_the_number_in_another_instance_of_marketo_loses_nothing() -> None:
    """Neither the log's hash nor a link nor a page of the number leads on, also where the other instance is a thing of
    the past: each is told by its key, and so is the person's link, until somebody says that its record is theirs."""
    shelves = two_people_of_one_number("eu", "us")
    plan = forgetting(shelves).plan(EMAIL)
    assert not plan.known.records
    assert f"cycle#main#{RECORD} / link" in plan.alike

    done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL, [RECORD]), BY)

    assert done.known.records == {RECORD}
    assert done.found == {"inbox": 1, "links": 2, "due": 1, "keys": 1, "files": 2}
    alike = (
        "lane#crm / hers",
        "execution#hers / log",
        "lane#crm / thin",
        "chunk#c1 / state",
        "cycle#eu#people#07 / 4711",
        f"cycle#eu / due#record#marketo#leads#{LEAD}",
        f"file sync/people/{SLOT}/extract/00001.csv",
    )
    assert set(done.alike) == set(alike)
    assert len(shelves.tables[EXECUTIONS]) == 5
    assert len(shelves.tables[STATE]) == 3
    assert {key[0] for key in shelves.tables[KEYS]} == {"hers", lead_guard(SECRET, "crm", LEAD)}
    [told] = [line for line in left_lines(done) if "several Marketo instances" in line]
    assert all(each in told for each in alike)
    assert plan_members(done, removed=True)["alike"] == list(done.alike)
    # nothing of it is at work, so the command has come to its end
    assert all(each.finished for each in forgetting(shelves).log())


@pytest.mark.parametrize("hosts", [(), ("eu",), ("eu", "EU")])
def test_where_all_numbers_are_of_one_instance_they_lead_to_everything(hosts: tuple[str, ...]) -> None:
    """However many connections lead to it; a draft was never used, whatever it says."""
    shelves = two_people_of_one_number(*hosts)
    connected(shelves, 9, "typo", "draft")

    done = forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)

    assert done.known.records == {RECORD, STRANGER}
    assert not done.alike
    assert left(shelves) == ["bulk/b/extract.csv", "chunk#c1 / state", *map(" / ".join, sorted(shelves.tables[CONFIG]))]
    assert shelves.tables[EXECUTIONS]["chunk#c1", "state"]["lead_ids"] == []


@pytest.mark.parametrize("name", ["email", "Email", "lead.email", "emailAddress", "email_address", "e-mail"])
def test_a_record_tells_its_ids_by_the_address_of_its_own(name: str) -> None:
    """As Marketo, Salesforce and those who send calls spell it."""
    shelves = InMemoryShelves()
    shelves.contents["a.jsonl"] = json.dumps({name: EMAIL.upper(), "id": LEAD, "salesforce_id": RECORD}).encode()

    known = forgetting(shelves).plan(EMAIL).known

    assert known.leads == {LEAD}
    assert known.records == {RECORD}


@pytest.mark.parametrize("name", ["owner_email", "Owner.Email", "referrer_email", "token.email", "Account.Owner.Email"])
def test_a_seller_who_is_forgotten_takes_nobody_along_whose_owner_that_is(name: str) -> None:
    """What has the address there is found, as whatever has it; the ids beside it are of others and lead nowhere."""
    shelves = InMemoryShelves()
    shelves.contents["a.jsonl"] = json.dumps({"Id": STRANGER, "id": "4712", name: EMAIL}).encode()
    shelves.contents["b.jsonl"] = json.dumps({"Id": STRANGER, "id": "4712", "phone": "1"}).encode()
    shelves.put(STATE, pk=f"cycle#main#{STRANGER}", sk="link", marketo_id="4712")
    strangers(shelves, owner={"email": EMAIL, "id": "4712", "salesforce_id": STRANGER})

    plan = forgetting(shelves).plan(EMAIL)

    assert not plan.known.leads
    assert not plan.known.records
    assert plan.found == {"inbox": 1, "keys": 1, "files": 1}


def test_what_is_no_address_and_no_id_is_refused_before_anything_is_read() -> None:
    """Each with the option that is wrong, and without what was typed."""
    shelves = InMemoryShelves()
    with pytest.raises(ConfigurationError) as refused:
        forgetting(shelves).plan("nobody", ["x"])
    assert "--email" in str(refused.value)
    assert "--id" in str(refused.value)
    assert "nobody" not in str(refused.value)
    assert not shelves.reads


def test_what_is_remembered_is_a_hash_and_counts() -> None:
    """Nothing of the address, and no id; one that never ended says so."""
    shelves = full()
    shelves.lives = 3
    with suppress(Crash):
        forgetting(shelves).carry_out(forgetting(shelves).plan(EMAIL), BY)
    [entry] = forgetting(shelves).log()

    line = erasure_line(entry)

    assert entry.who == Person(known=forgetting(shelves).plan(EMAIL).known, secret=SECRET).email_hash
    assert line.endswith("1 of inbox, 2 of links, 1 of due, 1 of keys, 3 of files; not finished")
    for value in (EMAIL, LEAD, RECORD):
        assert value not in line


def test_a_receipt_of_nobody_says_so() -> None:
    """An address that nothing is kept of."""
    plan: ErasurePlan = forgetting(full()).plan("nobody@example.com")

    assert list(plan_lines(plan)) == [
        "No id of the person is known.",
        "Nothing is kept of this person that can be removed.",
    ]
