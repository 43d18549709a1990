"""Write a persons file of any size from a seed (format: docs/persons-format.md).

`events/persons.jsonl` is `python -m tools.generate_persons --persons 180 --events 260 --hot-share 0.1 --odd`.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from typing import Any

type Line = dict[str, Any]

FIRST = [
    "Ada",
    "Bo",
    "Chiara",
    "Dagny",
    "Elif",
    "Fenna",
    "Goran",
    "Hanneke",
    "Ines",
    "Jörg",
    "Kwame",
    "Lúcia",
    "Mårten",
    "Nuño",
    "Oddný",
    "Paweł",
    "Quinn",
    "Rania",
    "Søren",
    "Tomáš",
    "Ümit",
    "Véronique",
    "Wiebke",
    "Xóchitl",
    "Yıldız",
    "Żaneta",
    "美咲",
    "小龍",
    "지우",
    "Дарья",
    "Ελένη",
    "نور",
    "יעל",
    "अनन्या",
    "ณัฐ",
    "Anne-Marie",
    "Zoë",
]
LAST = [
    "Abelgaard",
    "Brückner",
    "Câmpeanu",
    "D'Amboise",
    "Ekström",
    "Fjeld",
    "Gruñón",
    "Håkestad",
    "Ionesco-Vale",
    "Jørgenssen",
    "Krzyżak",
    "Lindqvist",
    "Müßig",
    "Nakagawa",
    "O'Shaunessy",
    "Przybył",
    "Quillfeather",
    "Rađenović",
    "Søndervig",
    "Tørnquist",
    "Ülgen",
    "Vântu",
    "Wrzesień",
    "Ximénez",
    "Yüzgeç",
    "Ževnik",
    "高橋川",
    "欧阳林",
    "박하늘",
    "Лесникова",
    "Παπαδάκου",
    "الزهراني",
    "בן־שלום",
    "शर्माजी",
    "van_der_Zwaan",
]
COMPANY = [
    "Nordlicht Pumpen GmbH",
    'Café "Zur Ähre" & Söhne',
    "Blue\\Green Systems",
    "100% Paper + Ink",
    "山猫物流株式会社",
    "Фабрика Снега",
    "شركة الواحة",
    "Tick, Tock & Co.",
    "L'Atelier du Pont",
    "Orbit 🚀 Logistics",
    "Vale & Vale (Holdings) Ltd; Northern Region",
    "a",
]
TITLE = [
    "",
    "",
    "CEO",
    "Head of Demand Generation",
    "Sr. Director, Field & Partner Marketing (EMEA/APAC)",
    "Einkäuferin",
    "営業部長",
    'Chief "Why" Officer',
    "R&D\tLead",
    "Consultant\nInterim",
]
PHONE = ["", "", "+49 30 {0:07d}", "(0{1}) {0:07d} x{1}", "00{1}-{0:07d}", "+1.555.{0:07d}"]
STATUS = ["", "New", "Open", "Working", "Qualified"]
CAMPAIGNS = [
    ("1001", "MQL to Sales"),
    ("1002", 'Webinar "Pumpen & Ventile" – Spring'),
    ("1003", "Démo request"),
]
INVALID = ["not an address {0}", "no-at-sign-{0}.example.com", "two{0}@@example.com", "no-dot-{0}@localhost"]

# whoever has several calls must come out the same in any order but the last call's values
_UNCLEAN = ("no_company", "no_last_name", "too_long", "disqualified", "invalid", "no_email")
_UNCLEAN_WEIGHTS = (3, 1, 2, 4, 2, 1)
_CLEAN_WEIGHT = 87
_TEMPLATES = ("plain", "number_id", "escaped", "extra", "one_line")


def generate(
    *, persons: int, events: int, seed: int, existing: float = 0.3, hot: float = 0.01, hot_share: float = 0.5
) -> list[Line]:
    """Make up persons with their calls.

    A share `hot` of the persons gets the share `hot_share` of the calls; everybody else gets at least one.
    A share `existing` is in Salesforce already. The same arguments give the same lines.
    """
    chance = random.Random(seed)  # noqa: S311 - test data, nothing secret
    busy = max(1, round(persons * hot)) if hot_share else 0
    calls = [1] * persons
    for n in range(busy):
        calls[n] = max(1, int(events * hot_share) // busy)
    lines = [_person(chance, n, is_clean=n < busy) for n in range(persons)]
    clean = [n for n in range(busy, persons) if lines[n].pop("clean")]
    for _ in range(events - sum(calls) if clean else 0):
        calls[chance.choice(clean)] += 1
    known = set(chance.sample(range(persons), round(persons * existing)))
    for n, line in enumerate(lines):
        line.pop("clean", None)
        if n in known:
            line["salesforce"] = [_existing(chance, line)]
        first = line["calls"][0]
        line["calls"] = [_call(chance, n, number, first) for number in range(calls[n])]
        if calls[n] == 1 and not line["calls"][0].get("raw") and chance.random() < 0.02:
            line["calls"] = [line["calls"][0] | {"event_id": f"evt-{seed}-{n}-again"}] * 2
    return lines


def _person(chance: random.Random, n: int, *, is_clean: bool) -> Line:
    kind = "clean"
    if not is_clean:
        kind = chance.choices(("clean", *_UNCLEAN), (_CLEAN_WEIGHT, *_UNCLEAN_WEIGHTS))[0]
    tag = chance.choice(["", "", "", "+news", ".x", "_q", "'s", "%z"])
    domain = chance.choice(["example.com", "example.org"])
    lead = {
        "email": f"person{n}{tag}@{domain}",
        "firstName": chance.choice([*FIRST, ""]),
        "lastName": chance.choice(LAST),
        "company": f"{chance.choice(COMPANY)} {n}" if chance.random() < 0.9 else "x" * chance.randint(1, 255),
        "phone": chance.choice(PHONE).format(chance.randrange(10**7), chance.randint(1, 99)),
        "title": chance.choice(TITLE),
        "leadStatus": chance.choice(STATUS),
    }
    said: dict[str, str] = {}
    if kind == "no_company":
        lead["company"] = ""
    elif kind == "no_last_name":
        lead["lastName"] = ""
    elif kind == "too_long":
        lead["title"] = "Director of " * chance.randint(11, 20)
    elif kind == "disqualified":
        lead["leadStatus"] = "Disqualified"
    elif kind == "no_email":
        lead["email"] = ""
    elif kind == "invalid":
        # Marketo itself refuses such an address, so only the call says it
        lead["email"] = ""
        said["email"] = chance.choice(INVALID).format(n)
    elif chance.random() < 0.2:
        said["email"] = chance.choice([lead["email"].upper(), f"  {lead['email']} ", f"{lead['email']}\t"])
    call = {"lead": said} if said else {}
    return {"person": f"g{n:06d}", "lead": lead, "calls": [call], "clean": kind == "clean"}


def _existing(chance: random.Random, line: Line) -> dict[str, str]:
    email = line["lead"]["email"] or f"{line['person']}@example.org"
    record = {
        "Email": chance.choice([email, email.upper(), email.title()]),
        "LastName": chance.choice(LAST),
        "Company": chance.choice(COMPANY),
        "FirstName": chance.choice(FIRST),
        "Phone": f"+44 20 {chance.randrange(10**7):07d}",
        "Title": "as Salesforce has it",
        "LeadSource": chance.choice(["Web", "Other"]),
        "Rating": chance.choice(["Hot", "Warm", "Cold"]),
        "Description": "kept by sales\nnever mapped",
    }
    for name in ("FirstName", "Phone", "Title"):
        if chance.random() < 0.3:
            del record[name]
    return record


def _call(chance: random.Random, n: int, number: int, first: Line) -> Line:
    call: Line = {"lead": dict(first["lead"])} if "lead" in first else {}
    if number:
        # every later call sets these anew, so whichever call comes through last decides all of them
        call.setdefault("lead", {})["title"] = f"Title as of call {number}"
    identity, name = chance.choice(CAMPAIGNS)
    call["campaign"] = {"id": identity, "name": name}
    if chance.random() < 0.3:
        call["program"] = {"id": "77", "name": "Spring 'Tour' \\ 2026"}
    if chance.random() < 0.2:
        call["token"] = {"my.Event Name": 'A "quoted" name', "my.Blank": ""}
    if chance.random() < 0.15:
        call["event_id"] = f"evt-{n}-{number}-{chance.randrange(10**6)}"
    call["template"] = chance.choices(_TEMPLATES, (80, 8, 4, 4, 4))[0]
    if chance.random() < 0.03:
        call["content_type"] = None
    return call


def odd() -> list[Line]:
    """Give the cases that were thought up by hand; each says what it is about."""
    return list(_odd())


def _case(
    person: str,
    about: str,
    *,
    calls: Sequence[Line] = ({},),
    salesforce: Sequence[Line] = (),
    group: str = "",
    burst: bool = False,
    **lead: str,
) -> Line:
    blank = {"leadStatus": ""}
    usual = {
        "email": f"{person}@example.com",
        "firstName": "Odd",
        "lastName": "Case",
        "company": "Odd Cases Ltd",
    }
    line: Line = {"person": person, "about": about, "lead": usual | blank | lead, "calls": list(calls)}
    if salesforce:
        line["salesforce"] = [
            {"Email": f"{person}@example.com", "LastName": "Before", "Company": "Before Ltd"} | record
            for record in salesforce
        ]
    return line | ({"group": group} if group else {}) | ({"burst": True} if burst else {})


def _odd() -> Iterator[Line]:
    yield from _odd_texts()
    yield from _odd_identifiers()
    yield from _odd_refusals()
    yield from _odd_repeats()
    yield from _odd_bodies()


def _odd_texts() -> Iterator[Line]:
    yield _case("plain", "nothing special", phone="+49 30 1234567", title="Buyer")
    yield _case("quotes", "quotes and backslashes", company='Acme "Röhren" \\ GmbH', title='it\'s a \\"trap\\"')
    yield _case("controls", "newlines and tabs inside", title="Line one\nLine two\tTabbed\r\nLine three")
    yield _case("form", "characters that a form encoding eats", company="A+B & C = 100%25? #1;", phone="+1+2 & 3")
    yield _case("cjk", "Chinese, Japanese, Korean", firstName="小龍", lastName="高橋", company="山猫物流 지우상사")
    yield _case("emoji", "emoji of several code points", firstName="👩‍🚀", lastName="Nova 🇪🇺", company="🧪👍🏽 Lab")
    yield _case(
        "rtl",
        "right to left, with marks",
        firstName="نور",
        lastName="\u200fבן־שלום\u200f",
        company="شركة a ב",
    )
    yield _case(
        "combining",
        "decomposed letters stay decomposed",
        firstName="Zoe\u0308",
        lastName="A\u030angstro\u0308m",
    )
    yield _case("nothings", "names that look like no value", firstName="undefined", lastName="Null", title="null")
    yield _case("numbers", "numbers as text", firstName="007", lastName="1e5", company="3.0", phone="0049")
    yield _case("booleans", "truth values as text", firstName="true", lastName="False", title="true")
    yield _case(
        "soql",
        "characters of a query",
        email="o'soql_100%@example.com",
        lastName="O'Brien'; --",
        title="a%_\\'b",
    )
    yield _case("tokens", "text that looks like a token", title="{{lead.Email Address}} {{FIRST_NAME}} ${x} %s {0}")
    yield _case(
        "markup",
        "markup and a formula",
        company="<b>&amp;</b>]]> Co",
        title='=HYPERLINK("http://example.com")',
    )
    yield _case("plus", "plus sign in the address", email="plus+tag@example.com")
    outer = {"lead": {"firstName": "  Ada ", "lastName": "\tLovelock ", "title": " Countess  of  Code "}}
    yield _case("outer-blanks", "blanks around values do not count, those inside do", calls=[outer])
    yield _case("longest", "values exactly as long as allowed", firstName="F" * 40, lastName="L" * 80, title="T" * 128)


def _odd_identifiers() -> Iterator[Line]:
    for person, address in (("id-blank", ""), ("id-spaces", "   "), ("id-tab", "\t \n")):
        yield _case(person, "no e-mail address", email="", calls=[{"lead": {"email": address}}])
    yield _case("id-absent", "the template names no address", calls=[{"fields": ["lastName", "company"]}])
    for n, address in enumerate(
        (
            "no-at.example.com",
            "two@@example.com",
            "in side@example.com",
            "a@nodot",
            "@example.com",
            "x' OR Email != '@example.com",
        )
    ):
        yield _case(f"id-bad-{n}", "not an address", email="", calls=[{"lead": {"email": address}}])
    yield _case(
        "id-case",
        "matched although letter case and blanks differ",
        calls=[{"lead": {"email": "  ID-Case@Example.COM "}}],
        salesforce=[{"Email": "Id-cAse@example.com", "Rating": "Hot", "Phone": "before"}],
    )
    yield _case(
        "id-pair",
        "two Leads match",
        salesforce=[{"FirstName": "One"}, {"Email": "ID-PAIR@example.com", "FirstName": "Two"}],
    )
    yield _case("same-1", "one address in two Marketo leads", email="same@example.com", group="same", title="First")
    yield _case(
        "same-2",
        "one address in two Marketo leads, written differently",
        email="same@example.com",
        group="same",
        title="Second",
        calls=[{"lead": {"email": " SAME@example.com"}}],
    )


def _odd_refusals() -> Iterator[Line]:
    yield _case("out", "the condition is not met", leadStatus="Disqualified")
    yield _case("out-first", "the condition comes before the identifier", email="", leadStatus="Disqualified")
    yield _case(
        "out-known",
        "the condition keeps a known Lead as it is",
        salesforce=[{"Title": "Kept"}],
        leadStatus="Disqualified",
    )
    yield _case("out-later", "met at first, not met later", calls=[{}, {"lead": {"leadStatus": "Disqualified"}}])
    yield _case("no-company", "a new Lead needs a company", company="")
    yield _case("no-name", "blanks are no last name", calls=[{"lead": {"lastName": "   "}}])
    known = [{"FirstName": "Kept", "Phone": "+1 kept", "Title": "Kept", "Industry": "Technology"}]
    blank = {"firstName": "", "lastName": "", "company": " ", "phone": "", "title": "  "}
    yield _case("keeps", "blank values leave a known Lead's fields alone", salesforce=known, calls=[{"lead": blank}])
    yield _case(
        "keeps-absent",
        "so do fields that the template does not name",
        salesforce=known,
        calls=[{"fields": ["email", "lastName"]}],
    )
    for name, length in (
        ("firstName", 41),
        ("lastName", 81),
        ("company", 256),
        ("phone", 41),
        ("title", 129),
    ):
        long = {"lead": {name: "1" * length}}
        yield _case(f"long-{name.lower()}", "one character more than allowed", calls=[long])
    yield _case("long-known", "too long for a known Lead", salesforce=known, calls=[{"lead": {"title": "1" * 300}}])
    yield _case("never", "loaded but never called", calls=[], salesforce=[{}])


def _odd_repeats() -> Iterator[Line]:
    yield _case("again", "two calls are two events", calls=[{}, {}])
    yield _case("again-id", "one event id is one event", calls=[{"event_id": "odd-1"}, {"event_id": "odd-1"}])
    changes = [{"lead": {"title": f"Step {n}", "phone": f"+1 {n}"}} for n in range(5)]
    yield _case("steps", "the last value wins", calls=changes)
    yield _case("repaired", "fails first, works later", calls=[{"lead": {"company": ""}}, {}])
    emptied = [{"lead": {"phone": "+1 new"}}, {"lead": {"phone": ""}}]
    yield _case("emptied", "a later blank removes nothing", salesforce=[{"Phone": "+1 old"}], calls=emptied)
    yield _case("burst-new", "20 calls at once for a new address make one Lead", calls=[{}] * 20, burst=True)
    yield _case("burst-known", "10 calls at once for a known Lead", salesforce=[{}], calls=[{}] * 10, burst=True)


def _odd_bodies() -> Iterator[Line]:
    cut = '{"lead": {"id": "{{lead.Id}}", "email": "raw-cut@example.com", "lastNa'
    for person, about, raw in (
        ("raw-cut", "a body cut off", cut),
        (
            "raw-no-id",
            "a body without lead id",
            '{"lead": {"email": "raw-no-id@example.com", "lastName": "x"}}',
        ),
        ("raw-blank-id", "a blank lead id", '{"lead": {"id": "", "email": "raw-blank-id@example.com"}}'),
        (
            "raw-word-id",
            "a lead id that is a word",
            '{"lead": {"id": "seven", "email": "raw-word-id@example.com"}}',
        ),
        ("raw-list", "a list of nobody", "[]"),
        ("raw-no-lead", "no lead at all", '{"campaign": {"id": "1001", "name": "MQL"}}'),
        ("raw-form", "a form instead of JSON", "id={{lead.Id}}&email=raw-form@example.com"),
    ):
        yield _case(person, about, calls=[{"raw": raw}])
    typed = {
        "lead": {
            "id": "{{lead.Id}}",
            "email": "raw-typed@example.com",
            "lastName": "Typed",
            "company": 42,
            "title": None,
        }
    }
    raw = json.dumps(typed | {"campaign": {"id": 1001, "name": "MQL"}}).replace('"{{lead.Id}}"', "{{lead.Id}}")
    yield _case("raw-typed", "numbers and nulls typed into a template by hand", calls=[{"raw": raw}])
    for template in _TEMPLATES:
        call = {"template": template, "campaign": {"id": "1002", "name": 'A "B" \\ ü'}}
        yield _case(f"template-{template.replace('_', '-')}", f"template {template}", title='Ünï "q"', calls=[call])
    yield _case("no-type", "no content type", title="Ünï", calls=[{"content_type": None}])
    yield _case(
        "bare-type",
        "a content type without charset",
        title="Ünï",
        calls=[{"content_type": "application/json"}],
    )
    token = {"my.Event Name": 'Spring "Tour"\n2026', "my.Blank": "", "my.Price": "1.299,00 €"}
    yield _case("my-tokens", "tokens of a program", calls=[{"token": token, "program": {"id": "77", "name": "Tour"}}])


def main() -> None:
    """Write the lines to standard output."""
    parser = argparse.ArgumentParser(description="Write a persons file of any size.")
    parser.add_argument("--persons", type=int, default=200, help="generated persons (default 200)")
    parser.add_argument("--events", type=int, help="their calls together (default: twice the persons)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--existing", type=float, default=0.3, help="share that Salesforce holds already")
    parser.add_argument("--hot", type=float, default=0.01, help="share of the persons that are hot")
    parser.add_argument("--hot-share", type=float, default=0.5, help="share of the calls that the hot ones get")
    parser.add_argument("--odd", action="store_true", help="put the hand-made odd cases in front")
    args = parser.parse_args()
    lines = odd() if args.odd else []
    lines += generate(
        persons=args.persons,
        events=args.events or 2 * args.persons,
        seed=args.seed,
        existing=args.existing,
        hot=args.hot,
        hot_share=args.hot_share,
    )
    for line in lines:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
