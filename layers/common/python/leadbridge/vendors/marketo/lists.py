"""Static lists: finding and changing them as assets, and who is in them.

Source: Marketo REST API, "Static Lists" (assets) and "List Membership" (lead database).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from leadbridge.domain.marketo import Folder, ListMembership, StaticList
from leadbridge.domain.records import RowResult
from leadbridge.vendors.http.batches import chunks_of
from leadbridge.vendors.marketo import assets, endpoints
from leadbridge.vendors.marketo.api import Api, askable


class StaticLists:
    """The static lists of an instance."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(
        self, *, ids: Sequence[int] = (), names: Sequence[str] = (), program_names: Sequence[str] = ()
    ) -> Iterator[StaticList]:
        """The lists of these ids, names and programs, or all.

        A name with a comma is no list's name here; `by_name` finds it.
        """
        wanted = {"id": [str(each) for each in ids], "name": names, "programName": program_names}
        params = {name: ",".join(askable(values)) for name, values in wanted.items() if values}
        if "" in params.values():
            return iter(())
        return self._api.records(StaticList, endpoints.LISTS, params=params)

    def one(self, list_id: int) -> StaticList | None:
        """One list with its program, None if there is none of that id."""
        return next(self.all(ids=[list_id]), None)

    def browse(
        self, *, changed_since: datetime | None = None, changed_until: datetime | None = None
    ) -> Iterator[StaticList]:
        """The lists with their folders, those changed in a time or all."""
        params = assets.changed(changed_since, changed_until)
        return self._api.records(StaticList, endpoints.BROWSE_LISTS, params=params)

    def by_name(self, name: str) -> StaticList | None:
        """The list of a name with its folder, None if there is none."""
        return self._api.find(StaticList, endpoints.LIST_BY_NAME, params={"name": name})

    def create(self, name: str, folder: Folder, *, description: str | None = None) -> StaticList:
        """Make a list in a folder or program; 709 if the name is taken."""
        endpoint = endpoints.CREATE_LIST
        body = {"name": name, "folder": assets.place(folder), "description": description}
        return self._api.one(StaticList, endpoint, self._api.send(endpoint, body=body))

    def update(self, list_id: int, *, name: str | None = None, description: str | None = None) -> StaticList:
        """Change a list's name or description."""
        endpoint = endpoints.UPDATE_LIST
        body = {"name": name, "description": description}
        return self._api.one(StaticList, endpoint, self._api.send(endpoint, parts={"list": list_id}, body=body))

    def delete(self, list_id: int) -> None:
        """Delete a list; its members stay."""
        self._api.send(endpoints.DELETE_LIST, parts={"list": list_id})

    # membership

    def members(self, list_id: int) -> Iterator[ListMembership]:
        """Who is in a list."""
        rows = self._api.rows(endpoints.LEADS_OF_LIST, parts={"list": list_id}, params={"fields": "id"})
        return (ListMembership(list_id=list_id, lead_id=int(row["id"])) for row in rows)

    def add(self, list_id: int, lead_ids: Sequence[int]) -> list[RowResult]:
        """Add leads; one result per id, in order. One that is in already is added all the same."""
        return self._api.write(endpoints.ADD_TO_LIST, [{"id": each} for each in lead_ids], parts={"list": list_id})

    def remove(self, list_id: int, lead_ids: Sequence[int]) -> list[RowResult]:
        """Take leads out; one result per id, in order. One that is not in is no failure (1015, 1004)."""
        return self._api.write(endpoints.REMOVE_FROM_LIST, [{"id": each} for each in lead_ids], parts={"list": list_id})

    def are_members(self, list_id: int, lead_ids: Sequence[int]) -> dict[int, bool]:
        """Whether each of these leads is in a list; one that does not exist is not."""
        found: dict[int, bool] = dict.fromkeys(lead_ids, False)
        for chunk in chunks_of(list(found), endpoints.IS_MEMBER.rows):
            params = {"id": ",".join(map(str, chunk))}
            for row in self._api.rows(endpoints.IS_MEMBER, parts={"list": list_id}, params=params):
                found[int(row["id"])] = row.get("status") == "memberof"
        return found
