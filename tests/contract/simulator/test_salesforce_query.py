"""SOQL over the query resource: grammar, escapes, comparison rules, ordering, pages and limits."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.salesforce import soql
from tests.contract.simulator.salesforce_support import (
    DATA,
    Org,
    error_of,
    lead,
)

ESCAPES = {
    "\\": "\\\\",
    "'": "\\'",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def quoted(text: str, *, like: bool = False) -> str:
    """Quote a value by the documented rules: one pass, and in LIKE also the wildcards."""
    rules = ESCAPES | ({"%": "\\%", "_": "\\_"} if like else {})
    return "'" + "".join(rules.get(letter, letter) for letter in text) + "'"


def names(org: Org, condition: str) -> set[str]:
    """Return the last names of the Leads that a condition finds."""
    return {row["LastName"] for row in org.rows(f"SELECT LastName FROM Lead WHERE {condition}")}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@settings(deadline=None)
def test_any_escaped_text_is_read_back_as_it_was(text: str) -> None:
    """A string escaped by the vendor's rules is one literal with exactly the original text."""
    parsed = soql.parse(f"SELECT Id FROM Lead WHERE LastName = {quoted(text)} AND Email = 'x'")
    assert soql.string_literals(parsed.where) == [text, "x"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.text(alphabet="a%_\\'", max_size=20))
@settings(deadline=None)
def test_an_escaped_like_pattern_matches_its_own_text_only(text: str, tail: str) -> None:
    """Escaped wildcards stand for themselves, in any mixture with the other escapes."""
    parsed = soql.parse(f"SELECT Id FROM Lead WHERE LastName LIKE {quoted(text + tail, like=True)}")
    assert isinstance(parsed.where, soql.Comparison)
    pattern = parsed.where.values[0].pattern
    assert pattern is not None
    assert pattern.as_regex().fullmatch(text + tail)
    assert not pattern.as_regex().fullmatch(text + tail + "x")


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(lambda text: text.strip())
)
@settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_a_stored_value_is_found_by_its_escaped_text(org: Org, text: str) -> None:
    """Whatever a name consists of, the query for it over HTTP answers the record."""
    value = text.strip(" \t\r\n\f\v") or "x"
    (made,) = org.load("Lead", lead(LastName=value))
    assert made in {row["Id"] for row in org.rows(f"SELECT Id FROM Lead WHERE LastName = {quoted(value)}")}


@pytest.mark.parametrize(
    "literal", ["'it''s'", "'a\\q'", "'open", "'a\nb'", "'back\\'", "'100\\%'", "'a\\_b'", '"double"']
)
def test_a_badly_quoted_string_is_refused(org: Org, literal: str) -> None:
    """A lone backslash, a raw line break, an open string and LIKE escapes elsewhere are MALFORMED_QUERY."""
    answer = org.query(f"SELECT Id FROM Lead WHERE LastName = {literal}")
    assert error_of(answer)[:2] == (400, "MALFORMED_QUERY")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELECT FROM Lead",
        "SELECT Id Lead",
        "SELECT Id FROM Lead WHERE",
        "SELECT Id FROM Lead WHERE LastName = 'a' AND Company = 'b' OR Company = 'c'",
        "SELECT Id FROM Lead WHERE (LastName = 'a'",
        "SELECT Id FROM Lead WHERE LastName IN ()",
        "SELECT Id FROM Lead WHERE LastName == 'a'",
        "SELECT Id FROM Lead LIMIT many",
        "SELECT Id FROM Lead; DELETE",
        "SELECT Id, COUNT() FROM Lead",
    ],
)
def test_a_statement_outside_the_grammar_is_refused(org: Org, text: str) -> None:
    """The status is 400 and the code MALFORMED_QUERY, AND mixed with OR without parentheses included."""
    assert error_of(org.query(text))[:2] == (400, "MALFORMED_QUERY")


def test_an_unknown_column_is_refused(org: Org) -> None:
    """INVALID_FIELD names the column and the object, in SELECT, in WHERE and in ORDER BY alike."""
    for text in (
        "SELECT Nope__c FROM Lead",
        "SELECT Id FROM Lead WHERE Nope__c = 1",
        "SELECT Id FROM Lead ORDER BY Nope__c",
    ):
        status, code, message = error_of(org.query(text))
        assert (status, code) == (400, "INVALID_FIELD")
        assert "No such column 'Nope__c' on entity 'Lead'" in message
        assert "ERROR at Row:1:Column:" in message


def test_an_unknown_object_is_refused(org: Org) -> None:
    """INVALID_TYPE says that the sObject type is not supported."""
    status, code, message = error_of(org.query("SELECT Id FROM Nope__c"))
    assert (status, code) == (400, "INVALID_TYPE")
    assert "sObject type 'Nope__c' is not supported" in message


@pytest.mark.parametrize(
    "condition",
    [
        "Lead_Score__c = '5'",
        "Opt_In__c = 'true'",
        "CreatedDate > 2026-01-01",
        "Score_Date__c > 2026-01-01T00:00:00Z",
        "LastName = 5",
        "Description = 'x'",
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(org: Org, condition: str) -> None:
    """Numbers, booleans and dates are unquoted, strings quoted; long text cannot filter at all."""
    assert error_of(org.query(f"SELECT Id FROM Lead WHERE {condition}"))[:2] == (400, "INVALID_FIELD")


def test_a_literal_that_is_no_id_is_refused(org: Org) -> None:
    """INVALID_QUERY_FILTER_OPERATOR with the text invalid ID field."""
    status, code, message = error_of(org.query("SELECT Id FROM Lead WHERE Id = 'x'"))
    assert (status, code) == (400, "INVALID_QUERY_FILTER_OPERATOR")
    assert "invalid ID field: x" in message


def test_comparison_ignores_case_and_takes_null(org: Org) -> None:
    """Equality and IN ignore case, != and NOT IN include null, boolean null is false."""
    org.load(
        "Lead",
        lead(LastName="One", Email="One@Example.com", Opt_In__c=True),
        lead(LastName="Two", Email="two@example.com"),
        lead(LastName="None"),
    )
    assert names(org, "Email = 'ONE@example.COM'") == {"One"}
    assert names(org, "Email IN ('one@example.com', 'TWO@EXAMPLE.COM', 'no@example.com')") == {"One", "Two"}
    assert names(org, "Email != 'one@example.com'") == {"Two", "None"}
    assert names(org, "Email NOT IN ('one@example.com')") == {"Two", "None"}
    assert names(org, "Email = null") == {"None"}
    assert names(org, "Email <> null") == {"One", "Two"}
    assert names(org, "Opt_In__c = null") == {"Two", "None"}
    assert names(org, "NOT (Opt_In__c = true OR Email = null)") == {"Two"}
    assert names(org, "(LastName = 'one' OR LastName = 'two') AND Opt_In__c = false") == {"Two"}


def test_like_knows_two_wildcards(org: Org) -> None:
    """Percent stands for any run, underscore for one character, both escapable; case does not matter."""
    org.load(
        "Lead",
        lead(LastName="100% sure"),
        lead(LastName="1000 sure"),
        lead(LastName="a_b"),
        lead(LastName="acb"),
    )
    assert names(org, "LastName LIKE '100% SURE'") == {"100% sure", "1000 sure"}
    assert names(org, "LastName LIKE '100\\% sure'") == {"100% sure"}
    assert names(org, "LastName LIKE 'a_b'") == {"a_b", "acb"}
    assert names(org, "LastName LIKE 'a\\_b'") == {"a_b"}


def test_numbers_dates_and_times_are_compared_as_such(org: Org) -> None:
    """Ranges on a double, a date and a dateTime with Z, an offset or a fraction find what lies in them."""
    org.load("Lead", lead(LastName="Low", Lead_Score__c=9.5, Score_Date__c="2030-01-31"))
    org.control("clock", {"advance_seconds": 3600})
    org.load("Lead", lead(LastName="High", Lead_Score__c=10, Score_Date__c="2030-02-01"))
    assert names(org, "Lead_Score__c >= 10") == {"High"}
    assert names(org, "Lead_Score__c < 1e1 AND Lead_Score__c > -3") == {"Low"}
    assert names(org, "Score_Date__c <= 2030-01-31") == {"Low"}
    assert names(org, "CreatedDate > 2031-05-06T07:30:00Z") == {"High"}
    assert names(org, "SystemModstamp < 2031-05-06T09:30:00.000+02:00") == {"Low"}


def test_order_limit_and_offset_cut_the_rows(org: Org) -> None:
    """Nulls come first unless asked otherwise, several terms order in turn, LIMIT and OFFSET cut."""
    org.load(
        "Lead",
        lead(LastName="b", Title="x"),
        lead(LastName="A", Title="x"),
        lead(LastName="c"),
        lead(LastName="d", Title="Y"),
    )

    def ordered(clause: str) -> list[str]:
        return [row["LastName"] for row in org.rows(f"SELECT LastName FROM Lead {clause}")]

    assert ordered("ORDER BY Title, LastName") == ["c", "A", "b", "d"]
    assert ordered("ORDER BY Title NULLS LAST, LastName DESC") == ["b", "A", "d", "c"]
    assert ordered("ORDER BY Title DESC NULLS LAST, LastName ASC") == ["d", "A", "b", "c"]
    assert ordered("ORDER BY Title DESC, LastName") == ["c", "d", "A", "b"]
    assert ordered("ORDER BY LastName LIMIT 2 OFFSET 1") == ["b", "c"]
    assert error_of(org.query("SELECT Id FROM Lead OFFSET 2001"))[0] == 400


def test_count_answers_a_number_and_no_rows(org: Org) -> None:
    """COUNT() gives totalSize with an empty records array."""
    org.load("Lead", lead(), lead(LastName="Other"))
    answer = org.query("SELECT COUNT() FROM Lead WHERE LastName = 'aalto'").json()
    assert answer == {"totalSize": 1, "done": True, "records": []}


def test_a_parent_is_nested_and_a_missing_one_is_null(org: Org) -> None:
    """Relationship fields come as an object with attributes; filters reach through them."""
    (account,) = org.load("Account", {"Name": "Amber"})
    org.load("Contact", {"LastName": "With", "AccountId": account}, {"LastName": "Without"})
    answer = org.query("SELECT LastName, Account.Name FROM Contact ORDER BY LastName").json()["records"]
    assert answer[0]["Account"]["Name"] == "Amber"
    assert answer[0]["Account"]["attributes"] == {
        "type": "Account",
        "url": f"{DATA}/sobjects/Account/{account}",
    }
    assert answer[1]["Account"] is None
    assert org.rows("SELECT LastName FROM Contact WHERE Account.Name = 'AMBER'") == [{"LastName": "With"}]
    assert org.rows("SELECT LastName FROM Contact WHERE Account.Name = null") == [{"LastName": "Without"}]
    assert error_of(org.query("SELECT Nope.Name FROM Contact"))[1] == "INVALID_FIELD"


def test_pages_are_followed_by_a_relative_url_until_done(org: Org) -> None:
    """2,000 rows a page by default, fewer by header but never below 200; nextRecordsUrl is a path."""
    org.control("load", {"generate": {"object": "Lead", "count": 2_450, "seed": 5}})
    answer = org.query("SELECT Id FROM Lead").json()
    assert (answer["totalSize"], len(answer["records"]), answer["done"]) == (2_450, 2_000, False)
    assert answer["nextRecordsUrl"].startswith(f"{DATA}/query/01g")
    rest = org.http.get(answer["nextRecordsUrl"], headers=org.headers).json()
    assert (len(rest["records"]), rest["done"]) == (450, True)
    assert "nextRecordsUrl" not in rest
    assert len({row["Id"] for row in answer["records"] + rest["records"]}) == 2_450
    small = org.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": "batchSize=10"}).json()
    assert len(small["records"]) == 200


def test_pages_may_shrink_on_the_way(org: Org) -> None:
    """The page size is a hint: with fewer rows from the second page on, every row still comes once."""
    org.control("load", {"generate": {"object": "Lead", "count": 900, "seed": 5}})
    answer = org.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": "batchSize=500"}).json()
    org.control("limits", {"query_page_records": 150})
    sizes, ids = [len(answer["records"])], [row["Id"] for row in answer["records"]]
    while not answer["done"]:
        answer = org.http.get(answer["nextRecordsUrl"], headers=org.headers).json()
        sizes.append(len(answer["records"]))
        ids += [row["Id"] for row in answer["records"]]
    assert sizes == [500, 150, 150, 100]
    assert len(set(ids)) == 900


def test_a_locator_lives_two_days(org: Org) -> None:
    """After two days, and for a mistyped one, the answer is INVALID_QUERY_LOCATOR."""
    org.control("load", {"generate": {"object": "Lead", "count": 250, "seed": 5}})
    first = org.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": "batchSize=200"}).json()
    url = first["nextRecordsUrl"]
    org.control("clock", {"advance_seconds": 172_000})
    org.log_in()
    assert org.http.get(url, headers=org.headers).status_code == 200
    org.control("clock", {"advance_seconds": 801})
    assert error_of(org.http.get(url, headers=org.headers))[:2] == (400, "INVALID_QUERY_LOCATOR")
    assert error_of(org.call("GET", "/query/01g000000000001AAA-200"))[1] == "INVALID_QUERY_LOCATOR"


def test_deleted_rows_are_shown_by_query_all_only(org: Org) -> None:
    """query leaves out what lies in the Recycle Bin, queryAll shows it with IsDeleted."""
    (made,) = org.load("Lead", lead())
    assert org.call("DELETE", f"/sobjects/Lead/{made}").status_code == 204
    assert org.rows("SELECT Id FROM Lead") == []
    rows = org.call("GET", "/queryAll", params={"q": "SELECT IsDeleted FROM Lead WHERE IsDeleted = true"}).json()
    assert rows["totalSize"] == 1
    assert error_of(org.call("GET", "/queryAll"))[1] == "MALFORMED_QUERY"


def test_statement_literal_and_uri_have_their_limits(org: Org) -> None:
    """A literal above 4,000 characters is malformed; a URI above 16,384 bytes is 414, with headers 431."""
    fits = "x" * 4_000
    assert org.query(f"SELECT Id FROM Lead WHERE LastName = '{fits}'").status_code == 200
    status, code, _ = error_of(org.query(f"SELECT Id FROM Lead WHERE LastName = '{fits}y'"))
    assert (status, code) == (400, "MALFORMED_QUERY")
    ids = ",".join(f"'00QHs00001{n:05}AAA'" for n in range(700))
    assert org.query(f"SELECT Id FROM Lead WHERE Id IN ({ids})").status_code == 414
    long_header = {"X-Long": "x" * 16_200}
    assert org.query("SELECT Id FROM Lead WHERE LastName = 'a'", headers=long_header).status_code == 431
    assert org.control("calls")["violations"] == {"414": 1, "431": 1}


def test_a_statement_above_100000_characters_is_malformed() -> None:
    """The limit of the statement itself lies above what a URI holds, so the grammar is asked directly."""
    with pytest.raises(Exception, match="100000 characters"):
        soql.parse("SELECT Id FROM Lead WHERE LastName = 'a'".ljust(100_001))


def test_a_query_that_would_read_too_many_rows_times_out(org: Org) -> None:
    """An IN list of 200 addresses among 5,000 leads reads an index; a condition without one reads every row."""
    org.control("load", {"generate": {"object": "Lead", "count": 5_000, "seed": 5}})
    addresses = [row["Email"] for row in org.rows("SELECT Email FROM Lead LIMIT 200")]
    listed = ",".join(quoted(each) for each in addresses)
    org.control("limits", {"query_read_records": 200})

    assert len(org.rows(f"SELECT Id FROM Lead WHERE Email IN ({listed})")) == 200
    for slow in ("WHERE Title = 'nobody has it'", "WHERE Email LIKE '%@example.com' LIMIT 1", "LIMIT 1"):
        assert error_of(org.query(f"SELECT Id FROM Lead {slow}"))[:2] == (400, "QUERY_TIMEOUT")

    org.control("limits", {"query_read_records": 5_000})
    assert org.rows("SELECT Id FROM Lead WHERE Title = 'nobody has it'") == []


def test_a_query_writes_its_strings_into_the_log(org: Org) -> None:
    """The call log's record_keys hold the literals of the condition."""
    org.query("SELECT Id FROM Lead WHERE Email IN ('a@example.com', 'b@example.com')")
    assert org.control("log?since=0")[-1]["record_keys"] == ["a@example.com", "b@example.com"]
