"""Actions that ask everything of a column of one type, and persons for whom all of it holds, or none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.e2e.actions import Document, an_action

#: members of a payload that say which part of an Action's conditions a person is for
CASES = ("holds", "fails", "blank", "denied", "denied for a blank")


@dataclass(frozen=True, slots=True)
class Asked:
    """One clause, and how it is told."""

    column: str
    operator: str
    value: Any
    words: str

    @property
    def clause(self) -> Document:
        """The clause as a person writes it."""
        asked = {"column": self.column, "operator": self.operator, "value": self.value}
        return {name: value for name, value in asked.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A type of columns: values that meet every question, values that meet none, and the questions.

    `denials` are the questions that say "not": the values of `good` meet none of them.
    """

    good: Mapping[str, str]
    bad: Mapping[str, str]
    questions: Sequence[Asked]
    denials: Sequence[Asked]

    @property
    def filled(self) -> list[Asked]:
        """Whether the columns have values."""
        return [Asked(column, "is_not_empty", None, f"{column} is not empty") for column in self.good]

    @property
    def empty(self) -> list[Asked]:
        """Whether the columns have none."""
        return [Asked(column, "is_empty", None, f"{column} is empty") for column in self.good]

    def tree(self) -> Document:
        """A group for each case: the questions of which all must hold, or of which one is enough."""
        parts = [
            ("holds", "all", [*self.questions, *self.filled]),
            ("fails", "any", self.questions),
            ("blank", "any", [*self.questions, *self.filled]),
            ("denied", "any", [*self.denials, *self.empty]),
            ("denied for a blank", "all", [*self.denials, *self.empty]),
        ]
        return {
            "match": "any",
            "clauses": [
                {
                    "match": "all",
                    "clauses": [
                        {"column": "token.case", "operator": "equals", "value": case},
                        {"match": match, "clauses": [each.clause for each in asked]},
                    ],
                }
                for case, match, asked in parts
            ],
        }

    def values(self, case: str) -> dict[str, Any]:
        """What the person of a case has."""
        blanks = dict(zip(self.good, ("", "  ", "\t"), strict=False))
        return dict({"fails": self.bad, "blank": blanks, "denied for a blank": blanks}.get(case, self.good))

    def message(self, case: str) -> str:
        """What the person of a case is told who is skipped."""
        told = {
            "fails": list(self.questions),
            "blank": [*self.questions, *self.filled],
            "denied": [*self.denials, *self.empty],
        }[case]
        groups = [
            " or ".join(each.words for each in told) if name == case else f"token.case equals '{name}'"
            for name in CASES
        ]
        return f"Skipped by a condition: {' or '.join(groups)}."


FAMILIES: Mapping[str, Family] = {
    "text": Family(
        good={"title": " Grace HOPPER "},
        bad={"title": "Linus"},
        questions=[
            Asked("title", "equals", "Grace Hopper", "title equals 'Grace Hopper'"),
            Asked("title", "contains", "hop", "title contains 'hop'"),
            Asked("title", "starts_with", "GRACE ", "title starts with 'GRACE '"),
            Asked("title", "ends_with", "per", "title ends with 'per'"),
            Asked("title", "in", ["Ada", "grace hopper"], "title is one of 'Ada', 'grace hopper'"),
            Asked("title", "in_list", "asked-names", "title is in the list asked-names"),
        ],
        denials=[
            Asked("title", "not_equals", "grace hopper", "title does not equal 'grace hopper'"),
            Asked("title", "not_contains", "ACE", "title does not contain 'ACE'"),
            Asked("title", "not_in", ["Grace Hopper"], "title is none of 'Grace Hopper'"),
            Asked("title", "not_in_list", "asked-names", "title is not in the list asked-names"),
        ],
    ),
    "email": Family(
        good={"secondaryEmail": "Ada@Example.com"},
        bad={"secondaryEmail": "bob@mail.example.com"},
        questions=[
            Asked("secondaryEmail", "equals", "ada@example.com", "secondaryEmail equals 'ada@example.com'"),
            Asked("secondaryEmail", "contains", "a@e", "secondaryEmail contains 'a@e'"),
            Asked("secondaryEmail", "starts_with", "ada", "secondaryEmail starts with 'ada'"),
            Asked("secondaryEmail", "ends_with", "@example.com", "secondaryEmail ends with '@example.com'"),
            Asked("secondaryEmail", "in", ["ada@example.com"], "secondaryEmail is one of 'ada@example.com'"),
            Asked(
                "secondaryEmail",
                "domain_in",
                ["example.org", "example.com"],
                "secondaryEmail has one of the domains 'example.org', 'example.com'",
            ),
            Asked("secondaryEmail", "in_list", "asked-names", "secondaryEmail is in the list asked-names"),
            Asked(
                "secondaryEmail", "domain_in_list", "asked-names", "secondaryEmail has a domain of the list asked-names"
            ),
        ],
        denials=[
            Asked("secondaryEmail", "not_equals", "ada@example.com", "secondaryEmail does not equal 'ada@example.com'"),
            Asked("secondaryEmail", "not_contains", "ada", "secondaryEmail does not contain 'ada'"),
            Asked("secondaryEmail", "not_in", ["ada@example.com"], "secondaryEmail is none of 'ada@example.com'"),
            Asked(
                "secondaryEmail",
                "domain_not_in",
                ["example.com"],
                "secondaryEmail has none of the domains 'example.com'",
            ),
            Asked("secondaryEmail", "not_in_list", "asked-names", "secondaryEmail is not in the list asked-names"),
            Asked(
                "secondaryEmail",
                "domain_not_in_list",
                "asked-names",
                "secondaryEmail has no domain of the list asked-names",
            ),
        ],
    ),
    # 7 is above 50 where digits are compared as text
    "number": Family(
        good={"leadScore": "50", "discount": "12.50"},
        bad={"leadScore": "7", "discount": "100"},
        questions=[
            Asked("leadScore", "equals", 50, "leadScore equals 50"),
            Asked("leadScore", "greater_than", 49, "leadScore is greater than 49"),
            Asked("leadScore", "at_least", 50, "leadScore is at least 50"),
            Asked("leadScore", "in", [49, 50], "leadScore is one of 49, 50"),
            Asked("leadScore", "in_list", "asked-names", "leadScore is in the list asked-names"),
            Asked("discount", "less_than", 13, "discount is less than 13"),
            Asked("discount", "at_most", 12.5, "discount is at most 12.5"),
            Asked("discount", "between", [9, 12.5], "discount is between 9 and 12.5"),
        ],
        denials=[
            Asked("leadScore", "not_equals", 50, "leadScore does not equal 50"),
            Asked("discount", "not_in", [12.5], "discount is none of 12.5"),
            Asked("leadScore", "not_in_list", "asked-names", "leadScore is not in the list asked-names"),
        ],
    ),
    "date": Family(
        good={"renewalDate": "2020-02-29", "dateOfBirth": "2100-01-01"},
        bad={"renewalDate": "2999-12-31", "dateOfBirth": "1990-01-01"},
        questions=[
            Asked("renewalDate", "equals", "2020-02-29", "renewalDate equals '2020-02-29'"),
            Asked("renewalDate", "on_day", "2020-02-29", "renewalDate is on 2020-02-29"),
            Asked("renewalDate", "before", "2020-03-01", "renewalDate is before 2020-03-01"),
            Asked("renewalDate", "on_or_before", "2020-02-29", "renewalDate is on or before 2020-02-29"),
            Asked(
                "renewalDate",
                "between",
                ["2020-02-01", "2020-02-29"],
                "renewalDate is between 2020-02-01 and 2020-02-29",
            ),
            Asked("renewalDate", "in_last", "9999 months", "renewalDate is in the last 9999 months"),
            Asked("dateOfBirth", "after", "today", "dateOfBirth is after today"),
            Asked("dateOfBirth", "in_next", "9999 weeks", "dateOfBirth is in the next 9999 weeks"),
            Asked("dateOfBirth", "on_or_after", "2100-01-01", "dateOfBirth is on or after 2100-01-01"),
        ],
        denials=[Asked("renewalDate", "not_equals", "2020-02-29", "renewalDate does not equal '2020-02-29'")],
    ),
    # in Berlin it is half past midnight
    "datetime": Family(
        good={"lastContactAt": "2020-02-28T23:30:00+0000", "createdAt": "2100-01-01T09:00:00Z"},
        bad={"lastContactAt": "2999-12-31T10:00:00Z", "createdAt": "1990-01-01T00:00:00Z"},
        questions=[
            Asked("lastContactAt", "on_day", "2020-02-29", "lastContactAt is on 2020-02-29"),
            Asked("lastContactAt", "before", "2020-02-29T00:31", "lastContactAt is before 2020-02-29T00:31"),
            Asked("lastContactAt", "on_or_before", "2020-02-29", "lastContactAt is on or before 2020-02-29"),
            Asked(
                "lastContactAt",
                "between",
                ["2020-02-29", "2020-02-29T00:30"],
                "lastContactAt is between 2020-02-29 and 2020-02-29T00:30",
            ),
            Asked("createdAt", "equals", "2100-01-01T09:00:00Z", "createdAt equals '2100-01-01T09:00:00Z'"),
            Asked("lastContactAt", "in_last", "9999 months", "lastContactAt is in the last 9999 months"),
            Asked("createdAt", "after", "tomorrow", "createdAt is after tomorrow"),
            Asked("createdAt", "in_next", "9999 weeks", "createdAt is in the next 9999 weeks"),
            Asked("createdAt", "on_or_after", "2100-01-01T10:00", "createdAt is on or after 2100-01-01T10:00"),
        ],
        denials=[
            Asked("createdAt", "not_equals", "2100-01-01T09:00:00Z", "createdAt does not equal '2100-01-01T09:00:00Z'")
        ],
    ),
    "boolean": Family(
        good={"isCustomer": "true", "doNotCall": "0"},
        bad={"isCustomer": "false", "doNotCall": "yes"},
        questions=[
            Asked("isCustomer", "equals", True, "isCustomer equals True"),
            Asked("isCustomer", "is_true", None, "isCustomer is true"),
            Asked("doNotCall", "is_false", None, "doNotCall is false"),
        ],
        denials=[Asked("isCustomer", "not_equals", True, "isCustomer does not equal True")],
    ),
}


#: members of every type that can be asked for one
LIST: Document = {
    "kind": "list",
    "id": "asked-names",
    "name": "Asked for by the tests",
    "values": ["grace hopper", "ADA@example.com", "@example.com", 50],
}


def action_of(family: str) -> Document:
    """The Action that asks about the columns of a family, in Berlin's time."""
    return an_action(f"asks-{family}", time_zone="Europe/Berlin", conditions=FAMILIES[family].tree())
