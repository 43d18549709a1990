"""What is said with every write, so that nothing depends on the vendor's defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOptions:
    """Headers of every write, always sent: the vendor's defaults are documented, but disputed.

    `auto_assign` is TRUE, FALSE or the id of an assignment rule; `allow_duplicates` passes duplicate rules
    that are set to alert.
    """

    auto_assign: str = "FALSE"
    allow_duplicates: bool = False
    client_name: str = "leadbridge"

    def headers(self, *, allow_duplicates: bool = False, auto_assign: str = "") -> dict[str, str]:
        """The options as Salesforce's headers; one call may allow, or want, what others do not."""
        allow = "true" if self.allow_duplicates or allow_duplicates else "false"
        return {
            "Sforce-Auto-Assign": auto_assign or self.auto_assign,
            "Sforce-Duplicate-Rule-Header": (f"allowSave={allow}; includeRecordDetails=false; runAsCurrentUser=true"),
        }
