"""What a caller asks of a bulk state machine: the input of an execution, checked before anything is stored."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from leadbridge.domain.jobs import Kind
from leadbridge.errors import ConfigurationError

#: names become parts of keys and of names of executions, which may have 80 characters with what we add
RunName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,60}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9!_.*'()/=-]{1,500}$")]


class BulkOrder(BaseModel):
    """One file out of a vendor (`extract`), or one file into it (`import`, from the object `source`).

    The same `run` always means the same order: whoever repeats it gets the run that is there already. What `request`
    holds depends on vendor and kind, see the vendor's jobs; it is stored with the run and in the execution's history,
    so it names fields, dates and lists, and no value of a person.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run: RunName
    kind: Kind
    vendor: Literal["marketo", "salesforce"]
    connection: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    object_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,254}$")] = Field(alias="object")
    request: dict[str, Any] = Field(default_factory=dict)
    prefix: Key
    source: Annotated[str, StringConstraints(max_length=500)] = ""
    #: the first question of an execution only asks where the run is
    begin: bool = False
    #: questions that this execution has asked so far
    turns: Annotated[int, Field(ge=0)] = 0

    @classmethod
    def parse(cls, event: object) -> Self:
        """The order in an execution's input.

        Raises:
            ConfigurationError: It is none; every finding names its member.
        """
        try:
            order = cls.model_validate(event)
        except ValidationError as error:
            findings = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
            raise ConfigurationError(findings) from error
        if (order.kind is Kind.IMPORT) != bool(order.source):
            raise ConfigurationError(["source: an import needs the key of its file, an extract has none"])
        return order
