"""One stack of its own for the fault tests, so that what they break is theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from devstack.stack import up
from tests.fault.rig import PARAMETERS, Rig, Wires
from tests.fault.wire import Wire

BY_KEY = """\
format: 1
kind: action
id: person-by-key
name: Person to Lead by key
source: {connection: marketo-demo, table: leads}
destination: {connection: salesforce-demo, object: Lead}
identifier: {column: externalKey, field: External_Key__c}
type: upsert
mappings:
  - {column: email, to: Email}
  - {column: externalKey, to: External_Key__c}
  - {column: firstName, to: FirstName}
  - {column: lastName, to: LastName}
  - {column: company, to: Company}
writeback:
  - {field: Id, to: salesforceId}
  - {static: Synced, to: leadbridgeStatus}
results:
  activity: leadbridgeResult
  success: Success
  errored: Error
  execution_attribute: executionId
  mappings:
    - {execution: salesforce_id, to: salesforceId}
"""


@contextmanager
def deployed(folder: Path, **parameters: str) -> Iterator[Rig]:
    """The template deployed with short times and these parameters, and the demo Action on it."""
    with Wire() as aws, Wire() as marketo, Wire() as salesforce:
        hosts = {"VendorHosts": ",".join(urlsplit(wire.url).netloc for wire in (marketo, salesforce))}
        with up(parameters={**PARAMETERS, **hosts, **parameters}, functions_endpoint=aws.url) as stack:
            aws.connect(stack.endpoint_url)
            marketo.connect(str(stack.simulators["marketo_url"]))
            salesforce.connect(str(stack.simulators["salesforce_url"]))
            wires = Wires(aws=aws, marketo=marketo, salesforce=salesforce)
            rig = Rig(stack=stack, folder=folder, wires=wires)
            rig.prepare()
            yield rig
            rig.close()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One stack for all tests of this folder that run in one process; it ends when other tests' turn comes."""
    with deployed(tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture
def rig(running: Rig) -> Iterator[Rig]:
    """The stack, calm before the test and after it."""
    running.calm()
    running.idle()
    yield running
    running.calm()


@pytest.fixture(scope="package")
def actions(running: Rig) -> tuple[str, str]:
    """Two Actions for Leads that map both e-mail address and external key, and match by one each."""
    by_email = (
        BY_KEY.replace("person-by-key", "person-by-email")
        .replace("Lead by key", "Lead by address")
        .replace("{column: externalKey, field: External_Key__c}", "{column: email, field: Email}")
    )
    return running.apply(by_email), running.apply(BY_KEY)
