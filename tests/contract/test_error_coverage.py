"""Every vendor code, at both levels and for each kind of call, is thought about: a fault case, or why there is none.

The columns are a call that reads, writes or starts a bulk job, and one record of it. A cell holds fault cases of
`docs/fault-cases.md` (some stand for both vendors), `plain` (no fault case needed: the refusal is recorded and nothing
is repeated), or `never` (cannot occur: the vendor documents the code for other operations or for the other level only,
or our calls cannot provoke it; the records of a read are never refused).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule
from leadbridge.vendors.marketo.errors import TABLE as MARKETO
from leadbridge.vendors.salesforce.errors import TABLE as SALESFORCE

COLUMNS = ("call read", "call write", "call bulk", "row read", "row write", "row bulk")

MARKETO_CELLS = """
http_401                                 FM01       FM01       FM01       never      never      never
http_403                                 FM04       FM04       FM04       never      never      never
http_404                                 plain      plain      FB07       never      never      never
http_413                                 never      FM18       FM18       never      never      never
http_414                                 FM18       never      never      never      never      never
http_429                                 FM19       FM19       FM19       never      never      never
http_500                                 FM19       FM19       FM19       never      never      never
http_502                                 FM19       FM19       FM19       never      never      never
http_503                                 FM19       FM19       FM19       never      never      never
http_504                                 FM19       FM19       FM19       never      never      never
500                                      FM13       FM13       FM13       never      never      never
502                                      FM13       FM13       FM13       never      never      never
600                                      never      never      never      never      never      never
601                                      FM01+FM03  FM01+FM03  FM01+FM03  never      never      never
602                                      FM02       FM02       FM02       never      never      never
603                                      FM04       FM04       FM04       never      never      never
604                                      FM13       FM05       FB11       never      never      never
605                                      plain      plain      plain      never      never      never
606                                      FM06       FM06       FM06       never      never      never
607                                      FM07       FM07       FM07       never      never      never
608                                      FM08       FM08       FM08       never      never      never
609                                      never      plain      plain      never      never      never
610                                      plain      plain      plain      never      never      never
611                                      FM10       FM09       FM10       never      never      never
612                                      never      plain      plain      never      never      never
613                                      never      never      plain      never      never      never
614                                      FM08       FM08       FM08       never      never      never
615                                      FM11+FM12  FM11+FM12  FM11+FM12  never      never      never
616                                      plain      plain      plain      never      never      never
701                                      plain      plain      plain      never      never      never
702                                      plain      plain      plain      never      never      never
703                                      plain      plain      plain      never      never      never
704                                      plain      plain      plain      never      never      never
709                                      plain      plain      plain      never      never      never
710                                      never      plain      never      never      never      never
711                                      never      plain      never      never      never      never
712                                      never      plain      never      never      never      never
713                                      FM13       FM13       FM13       never      never      never
714                                      never      plain      never      never      never      never
718                                      never      plain      plain      never      never      never
719                                      never      FM13       never      never      never      never
1001                                     never      plain      plain      never      plain      FB09
1002                                     plain      plain      plain      never      plain      FB09
1003                                     FM14       FM14       FM14       never      FM14       FB09
1004                                     plain      plain      never      never      FM21+FM22  FB09
1005                                     never      plain      never      never      plain      FB09
1006                                     plain      plain      plain      never      plain      FB09
1007                                     never      plain      never      never      FM15       FB09
1008                                     plain      plain      plain      never      plain      FB09
1009                                     plain      plain      plain      never      plain      FB09
1010                                     never      plain      never      never      plain      FB09
1011                                     plain      plain      plain      never      plain      never
1012                                     never      plain      never      never      plain      never
1013                                     plain      plain      plain      never      FM22       FB09
1014                                     never      FM13       never      never      FM13       FB09
1015                                     never      plain      never      never      plain      never
1016                                     never      never      FM17       never      never      never
1017                                     never      plain      never      never      plain      FB09
1018                                     plain      plain      plain      never      plain      never
1019                                     never      never      FM17       never      never      never
1020                                     never      FM07       never      never      never      never
1021                                     never      plain      never      never      plain      FB09
1022                                     never      plain      never      never      plain      never
1025                                     never      plain      plain      never      plain      FB09
1026                                     plain      plain      plain      never      plain      never
1027                                     never      plain      never      never      plain      never
1028                                     never      plain      never      never      plain      never
1029                                     never      never      FM16       never      never      never
1035                                     never      never      plain      never      never      never
1036                                     never      never      never      never      never      FB09
1037                                     never      plain      never      never      plain      never
1042                                     never      plain      never      never      never      never
1048                                     never      plain      never      never      plain      never
1049                                     never      plain      never      never      plain      never
1076                                     never      plain      never      never      never      never
1077                                     never      plain      never      never      never      never
1078                                     never      plain      never      never      never      never
1079                                     never      plain      never      never      never      never
1080                                     never      never      never      never      never      never
bad_envelope                             FM20       FM20       FM20       never      never      never
unknown                                  FM13       FM13       FM13       never      FM13       FB09
"""

SALESFORCE_CELLS = """
INVALID_SESSION_ID                       FS01       FS01       FS01       never      FS01       FS13
REQUEST_LIMIT_EXCEEDED                   FS02+FS03  FS02+FS03  FS02+FS03  never      FS02+FS03  FS13
API_DISABLED_FOR_ORG                     plain      plain      plain      never      plain      plain
API_CURRENTLY_DISABLED                   FM13       FM13       FM13       never      never      never
FUNCTIONALITY_NOT_ENABLED                plain      plain      plain      never      plain      plain
TOO_MANY_APEX_REQUESTS                   FS03       FS03       FS03       never      FS03       FS13
STORAGE_LIMIT_EXCEEDED                   plain      plain      plain      never      plain      plain
LIMIT_EXCEEDED                           plain      plain      plain      never      plain      plain
SERVER_UNAVAILABLE                       FM13       FS16       FS13       never      FM13       FS13
UNKNOWN_EXCEPTION                        FM13       FS16       FS13       never      FM13       FS13
REQUEST_RUNNING_TOO_LONG                 FM13       FS16       FS13       never      FM13       FS13
UNABLE_TO_LOCK_ROW                       never      FS04       never      never      FS04       FS13
QUERY_TIMEOUT                            FM13       never      FM13       never      never      never
QUERY_TOO_COMPLICATED                    plain      never      plain      never      never      never
OPERATION_TOO_LARGE                      FM18       never      never      never      never      never
MALFORMED_QUERY                          plain      never      plain      never      never      never
INVALID_QUERY_FILTER_OPERATOR            plain      never      plain      never      never      never
INVALID_QUERY_LOCATOR                    FS17       never      FS17       never      never      never
INVALID_REPLICATION_DATE                 plain      never      never      never      never      never
INVALID_TYPE                             plain      plain      plain      never      never      never
EXCEEDED_ID_LIMIT                        FM18       never      never      never      never      never
EXCEEDEDQUOTA                            never      never      FS02       never      never      never
INVALIDJOBSTATE                          never      never      plain      never      never      never
INVALIDJOB                               never      never      plain      never      never      never
INVALIDENTITY                            never      never      plain      never      never      never
INVALIDVERSION                           never      never      plain      never      never      never
CLIENTINPUTERROR                         never      never      plain      never      never      never
FEATURENOTENABLED                        never      never      plain      never      never      never
NOT_FOUND                                FS12       FS12       FS12       never      FS12       FS12
ENTITY_IS_DELETED                        FS12       FS12       never      never      FS12       FS12
INVALID_CROSS_REFERENCE_KEY              never      FS12       never      never      FS12       FS13
MALFORMED_ID                             never      plain      plain      never      plain      plain
INVALID_ID_FIELD                         never      plain      plain      never      plain      plain
CANNOT_UPDATE_CONVERTED_LEAD             never      FS11       never      never      FS11       FS11
ENTITY_IS_LOCKED                         never      plain      plain      never      plain      plain
INVALID_OPERATION                        never      plain      plain      never      plain      plain
INACTIVE_OWNER_OR_USER                   never      plain      plain      never      plain      plain
DUPLICATES_DETECTED                      never      FS06       never      never      FS06       FS06
DUPLICATE_VALUE                          never      FS07       never      never      FS07       FS13
DUPLICATE_EXTERNAL_ID                    never      FS08       never      never      FS08       FS08
INVALID_FIELD                            FS18       FS18       FS18       never      FS18       FS18
INVALID_FIELD_FOR_INSERT_UPDATE          never      FS18       never      never      FS18       FS18
REQUIRED_FIELD_MISSING                   never      plain      plain      never      plain      plain
STRING_TOO_LONG                          never      plain      plain      never      plain      plain
INVALID_EMAIL_ADDRESS                    never      plain      plain      never      plain      plain
NUMBER_OUTSIDE_VALID_RANGE               never      plain      plain      never      plain      plain
INVALID_TYPE_ON_FIELD_IN_RECORD          never      plain      plain      never      plain      plain
JSON_PARSER_ERROR                        never      plain      plain      never      plain      plain
INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST  never      plain      plain      never      plain      plain
FIELD_INTEGRITY_EXCEPTION                never      plain      plain      never      plain      plain
FIELD_FILTER_VALIDATION_EXCEPTION        never      plain      plain      never      plain      plain
FIELD_CUSTOM_VALIDATION_EXCEPTION        never      plain      plain      never      plain      plain
CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY     never      FS05       never      never      FS05       FS13
CANNOT_EXECUTE_FLOW_TRIGGER              never      FS05       never      never      FS05       FS13
APEX_ERROR                               never      FS05       never      never      FS05       FS13
INSUFFICIENT_ACCESS                      plain      plain      plain      never      plain      plain
TRANSFER_REQUIRES_READ                   never      plain      plain      never      plain      plain
ALL_OR_NONE_OPERATION_ROLLED_BACK        never      never      never      never      FS10       FS10
PROCESSING_HALTED                        never      never      never      never      FS10       FS10
http_300                                 FS08       FS08       never      never      never      never
http_401                                 FS01       FS01       FS01       never      never      never
http_403                                 FM04       FM04       FM04       never      never      never
http_404                                 FS12       FS12       plain      never      never      never
http_410                                 plain      plain      plain      never      never      never
http_409                                 never      never      plain      never      never      never
http_412                                 never      plain      never      never      never      never
http_413                                 never      FS15       FS15       never      never      never
http_414                                 FM18       never      never      never      never      never
http_415                                 never      plain      plain      never      never      never
http_420                                 FM19       FS16       FS13       never      never      never
http_429                                 FM19       FM19       FM19       never      never      never
http_431                                 FM18       never      never      never      never      never
http_500                                 FM19       FS16       FS13       never      never      never
http_502                                 FM19       FS16       FS13       never      never      never
http_503                                 FM19       FS16       FS13       never      never      never
http_504                                 FM19       FS16       FS13       never      never      never
bad_envelope                             FM20       FM20       FM20       never      never      never
TXN_SECURITY_                            plain      plain      plain      never      plain      plain
unknown                                  FM13       FM13       FM13       never      FM13       FS13
"""

#: what repeats nothing and loses nothing: the only resolutions that need no fault case
PLAIN = {Resolution.REJECT, Resolution.FATAL, Resolution.OK}
TABLES = [
    pytest.param(MARKETO, MARKETO_CELLS, id="marketo"),
    pytest.param(SALESFORCE, SALESFORCE_CELLS, id="salesforce"),
]


def listed(cells: str) -> dict[str, list[str]]:
    """The cells of each code."""
    lines = [line.split() for line in cells.strip().splitlines()]
    found = {code: rest for code, *rest in lines}
    assert len(found) == len(lines), "a code is listed twice"
    return found


def known(table: ErrorTable) -> dict[str, Rule]:
    """Every code of a table, every family, and the one rule for all others."""
    return {**table.families, **table.codes, "unknown": table.default}


def variants(rule: Rule) -> Iterator[Rule]:
    """A rule in each of its meanings."""
    yield rule
    yield from rule.by_text.values()


@pytest.mark.parametrize(("table", "cells"), TABLES)
def test_no_cell_is_unlisted(table: ErrorTable, cells: str) -> None:
    """Each code of the table has a line with all six cells, and no line names a code that the table lost."""
    found = listed(cells)
    assert found.keys() == known(table).keys()
    assert {code for code, row in found.items() if len(row) != len(COLUMNS)} == set()


@pytest.mark.parametrize(("table", "cells"), TABLES)
def test_every_cell_names_a_fault_case_or_says_why_there_is_none(table: ErrorTable, cells: str) -> None:
    """A cell holds known fault cases, `plain` or `never`; records of a read are never refused."""
    catalogue = (Path(__file__).parents[2] / "docs/fault-cases.md").read_text("utf-8")
    cases = set(re.findall(r"^\| (F[MBSAT]\d\d) \|", catalogue, re.MULTILINE))
    for code, row in listed(cells).items():
        for column, cell in zip(COLUMNS, row, strict=True):
            assert cell in {"plain", "never"} or set(cell.split("+")) <= cases, (code, column, cell)
            assert column != "row read" or cell == "never", code


@pytest.mark.parametrize(("table", "cells"), TABLES)
def test_whatever_is_repeated_parked_or_doubted_has_a_fault_case(table: ErrorTable, cells: str) -> None:
    """`plain` stands only where the product records the refusal and repeats nothing, in every meaning of the code."""
    rules = known(table)
    for code, row in listed(cells).items():
        for column, cell in zip(COLUMNS, row, strict=True):
            if cell == "plain":
                for rule in variants(rules[code]):
                    found = rule.resolution if column.startswith("call") else rule.record_resolution
                    assert found in PLAIN, (code, column, found)
