"""Chained objects as people write them: what is written after the person's own record, in order (page 3)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from leadbridge.domain.documents import Document, FieldName
from leadbridge.domain.sources import BlankPolicy, ValueSource

#: what a chained object is called in its Action: other ones refer to it, executions tell of it
LinkName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
#: chained objects of one Action
MOST_LINKS = 5


class RecordSource(ValueSource):
    """A value that may come from a record that was written before: the person's own, or a chained one."""

    kinds: ClassVar[tuple[str, ...]] = (*ValueSource.kinds, "field")

    #: of the record that `of` names
    field: FieldName | None = None
    #: a chained object that is written before; absent: the person's own record
    of: LinkName | None = None

    @model_validator(mode="after")
    def _field_of(self) -> Self:
        if self.of is not None and self.field is None:
            raise ValueError("`of` says of which record `field` is; give `field`, or remove `of`")
        return self


class LinkMapping(RecordSource):
    """One field of a chained record and where its value comes from."""

    blank: BlankPolicy = "skip"


class LinkMatch(RecordSource):
    """One field by which a chained record is found; without a value nothing is looked for and nothing is written."""

    blank_choices: ClassVar[tuple[BlankPolicy, ...]] = ("skip", "default", "fail")


class Chained(Document):
    """One object that is written after the person's own record."""

    name: LinkName
    object: FieldName
    type: Literal["create", "update", "upsert"]
    #: what must have become of the person's own record
    after: Literal["created", "updated", "both"] = "both"
    #: what becomes of those after it, if it fails
    on_failure: Literal["continue", "stop"] = "continue"
    #: what becomes of a record for which a duplicate rule of the org finds others, as for the person's own
    duplicate_rules: Literal["block", "allow", "use_match"] | None = None
    #: by what the record is found: all of them together
    match: list[LinkMatch] | None = Field(default=None, min_length=1, max_length=5)
    #: a unique External Id field that takes our execution id, so that a repeated create cannot make two
    idempotency_field: FieldName | None = None
    mappings: list[LinkMapping] = Field(min_length=1)

    @model_validator(mode="after")
    def _by_what(self) -> Self:
        if self.type == "create" and self.match:
            raise ValueError("`match` goes with `type: update` and `type: upsert`; remove it, or choose upsert")
        if self.type != "create" and not self.match:
            raise ValueError(f"`type: {self.type}` needs `match`, by which the record is found; give it")
        if self.type != "create" and self.idempotency_field:
            raise ValueError("`idempotency_field` goes with `type: create`; remove it, the record is found by `match`")
        return self

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        for what, names in (
            ("mappings", [mapping.to for mapping in self.mappings]),
            ("match", [each.to for each in self.match or ()]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{', '.join(twice)} stands twice in `{what}`; keep one line for each field")
        return self

    @property
    def sources(self) -> tuple[tuple[str, int, LinkMapping | LinkMatch], ...]:
        """Every source, with the member and the place where it stands."""
        match = (("match", index, each) for index, each in enumerate(self.match or ()))
        return (*match, *(("mappings", index, each) for index, each in enumerate(self.mappings)))
