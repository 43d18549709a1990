"""The vendors' lists of error codes against the twins: what causes a code at the vendor causes it here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.openapi.causes import LEAST, Cause, Codes, codes_of
from tests.contract.openapi.marketo_codes import CODES as MARKETO
from tests.contract.openapi.marketo_codes import USAGE, Instance
from tests.contract.openapi.salesforce_codes import CODES as SALESFORCE
from tests.contract.simulator.salesforce_support import DATA, Org

LISTS = [pytest.param(codes, id=codes.vendor) for codes in (MARKETO, SALESFORCE)]


def named(codes: Codes[Any]) -> list[Any]:
    """The causes of a vendor, each by its code and what it is."""
    return [pytest.param(cause, id=f"{cause.code}-{cause.because.replace(' ', '-')}") for cause in codes.causes]


@pytest.mark.parametrize("cause", named(MARKETO))
def test_what_causes_a_code_at_marketo_causes_it_at_the_twin(instance: Instance, cause: Cause[Instance]) -> None:
    """A request, or a request in a state, is answered with the documented code."""
    assert cause.code in codes_of(cause.provoke(instance))


@pytest.mark.parametrize("cause", named(SALESFORCE))
def test_what_causes_a_code_at_salesforce_causes_it_at_the_twin(org: Org, cause: Cause[Org]) -> None:
    """A request, or a request in a state, is answered with the documented code, or with one of that family."""
    found = codes_of(cause.provoke(org))
    assert any(each.startswith(cause.code) for each in found), found


@pytest.mark.parametrize("code", [code for code in MARKETO.switch_only if code.isdecimal()])
def test_a_code_of_marketos_own_trouble_is_given_by_a_fault_switch(instance: Instance, code: str) -> None:
    """What no request of ours can cause can be ordered, so that a client can be tried with it."""
    instance.control("faults", [{"match": f"GET {USAGE}", "kind": "vendor_error", "code": code}])
    assert codes_of(instance.http.get(USAGE)) == {code}


@pytest.mark.parametrize("code", [code for code in SALESFORCE.switch_only if not code.startswith("http_")])
def test_a_code_of_salesforces_own_trouble_is_given_by_a_fault_switch(org: Org, code: str) -> None:
    """What no request of ours can cause can be ordered, so that a client can be tried with it."""
    org.control("faults", [{"match": f"GET {DATA}/limits", "kind": "vendor_error", "code": code}])
    assert code in codes_of(org.call("GET", "/limits"))


@pytest.mark.parametrize("codes", LISTS)
def test_every_documented_code_is_accounted_for_once(codes: Codes[Any]) -> None:
    """A code is caused, given by a switch, or listed as not simulated; nothing else is listed."""
    caused = {cause.code for cause in codes.causes}
    groups = [caused, set(codes.switch_only), set(codes.absent)]
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert set.union(*groups) == set(codes.documented)


@pytest.mark.parametrize("codes", LISTS)
def test_at_least_four_of_five_documented_codes_have_a_cause(
    codes: Codes[Any], record_property: Callable[[str, object], None], pytestconfig: pytest.Config
) -> None:
    """The table, with the cause beside the code, ends with the share; codes by fault switch do not count."""
    *lines, total = codes.table()
    print("\n".join(lines))
    report = Path(".local/report") / f"codes-{codes.vendor.lower()}.txt"
    target = pytestconfig.rootpath / report
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join([*lines, total, ""]), "utf-8")
    record_property("tell", f"{total}; the causes: {report}")
    assert codes.share >= LEAST, f"{codes.share:.0%}"


@pytest.mark.parametrize("answer", [httpx.Response(200, json={"success": True, "result": [{"id": 1}]})])
def test_a_success_holds_no_code(answer: httpx.Response) -> None:
    """Where nothing was refused, no code is found."""
    assert codes_of(answer) == set()
