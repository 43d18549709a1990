"""Groups of verbs cost nothing until they are used."""

import subprocess
import sys

from tests.unit.vendors.doubles import ScriptedVendor, marketo_client, success

#: what workers that run Actions do not need
RARE = (
    *("domain.marketo", "marketo.bulk", "marketo.programs", "marketo.objects", "marketo.preflight"),
    *("salesforce.bulk", "salesforce.changes", "salesforce.composite", "salesforce.records", "salesforce.fates"),
    "salesforce.preflight",
)


def test_a_group_is_made_when_it_is_first_read_and_kept() -> None:
    """Two objects of one class are two groups, each made once."""
    client = marketo_client(ScriptedVendor(success()))
    assert "companies" not in vars(client)

    companies, opportunities = client.companies, client.opportunities

    assert client.companies is companies
    assert client.opportunities is opportunities
    assert companies is not opportunities


def test_the_clients_are_there_without_the_groups_that_actions_do_not_use() -> None:
    """A fresh interpreter that has imported both clients knows neither bulk jobs nor programs nor composites."""
    code = (
        "import sys; import leadbridge.vendors.marketo.client, leadbridge.vendors.salesforce.client;"
        f"print([name for name in sys.modules if name.endswith({RARE!r})])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "[]"
