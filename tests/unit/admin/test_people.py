"""The routes that forget a person: for admins, twice the same, in the journal, and without the address in it."""

from typing import Any

import pytest

from leadbridge.domain.erasure import Known, Person
from leadbridge.domain.ids import canonical
from leadbridge.usecases.forget_person import EXECUTIONS, LOGGED, STATE
from tests.builders.actions import an_action
from tests.builders.admin import PERSON, PRINCIPAL, Admin, from_console
from tests.builders.events import SECRET
from tests.builders.world import World

EMAIL = "Grace@Example.com"
WHO = Person(known=Known(email="grace@example.com"), secret=SECRET).email_hash


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment that keeps a person's page, and a link by one of her ids."""
    admin = Admin(World(an_action()))
    admin.shelves.contents["bulk/a/extract.csv"] = b"id,email\r\n4711,grace@example.com\r\n"
    admin.shelves.put(STATE, pk="cycle#main#people#07", sk="4711", salesforce_id=canonical("0035g00000ADA01"))
    return admin


def forget(admin: Admin, **given: Any) -> Any:
    """The receipt."""
    return admin.post("/people/forget", {"email": EMAIL, **given})


def test_a_person_is_found_then_forgotten_and_not_found_again(admin: Admin) -> None:
    """A look removes nothing and is no deed; each removal is one, of whom a keyed hash is all that is told."""
    looked = forget(admin)
    assert (looked["ended"], looked["removed"], looked["who"], looked["ids"]["marketo"]) == (True, False, WHO, ["4711"])
    assert {each["place"] for each in looked["found"]} == {"files", "links"}
    assert admin.shelves.contents
    assert admin.get("/people/forgotten") == {"forgotten": []}

    removed = forget(admin, remove=True)
    admin.world.clock.advance(60)
    again = forget(admin, remove=True)

    assert removed["found"] == looked["found"]
    assert any("Marketo and Salesforce" in each for each in removed["left"])
    assert (again["found"], admin.shelves.contents) == ([], {})
    assert [{**each, "at": ""} for each in admin.get("/people/forgotten")["forgotten"]] == [
        {"at": "", "who": WHO, "by": PRINCIPAL, "found": found, "finished": True}
        for found in ({}, {"links": 1, "files": 1})
    ]
    assert [(each.who, each.did, each.detail) for each in admin.journal.entries] == [(PRINCIPAL, "forgot", WHO)] * 2
    assert "grace" not in str([admin.journal.entries, admin.shelves.tables]).casefold()


def test_only_an_admin_forgets(admin: Admin) -> None:
    """An operator is refused before anything is read; an admin of the pool is named."""
    body = {"email": EMAIL, "remove": True}
    assert admin.send(from_console("POST", "/people/forget", body, groups="operator")).status == 403
    assert admin.shelves.reads == []
    assert admin.send(from_console("POST", "/people/forget", body, groups="admin")).status == 200
    assert admin.get("/people/forgotten")["forgotten"][0]["by"] == PERSON


def test_what_takes_longer_than_a_request_goes_on_and_is_told_by_the_log(admin: Admin) -> None:
    """The answer says so, with the hash by which the log tells the end."""
    admin.erases_long = True
    told = forget(admin, remove=True)

    assert (told["ended"], told["who"], told["found"]) == (False, WHO, [])
    assert [each["who"] for each in admin.get("/people/forgotten")["forgotten"]] == [WHO]


def test_what_is_at_work_is_left_and_told(admin: Admin) -> None:
    """A call whose write may be on its way stays; the log says that it is not finished."""
    call = {"execution_id": "one", "state": "writing", "payload": '{"lead": {"email": "grace@example.com"}}'}
    admin.shelves.put(EXECUTIONS, pk="lane#crm", sk="one", **call)

    assert forget(admin, remove=True)["busy"] == ["call one"]
    assert not admin.get("/people/forgotten")["forgotten"][0]["finished"]
    assert [pk for pk, _ in admin.shelves.tables[STATE]] == [LOGGED]


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"email": "nobody"}, id="no address"),
        pytest.param({"ids": ["12ab"]}, id="no id"),
        pytest.param({"ids": ["0035g00000ADA01ZZZ"]}, id="an id that is mistyped"),
        pytest.param({"email": ""}, id="empty"),
        pytest.param({"delete": True}, id="unknown member"),
    ],
)
def test_an_order_that_names_nobody_is_refused(admin: Admin, given: dict[str, Any]) -> None:
    """With what is wrong; nothing is removed."""
    answered = admin.ask("POST", "/people/forget", {"email": EMAIL, "remove": True} | given)

    assert answered.status == (409 if "ZZZ" in str(given) else 422), answered.json
    assert admin.shelves.contents
