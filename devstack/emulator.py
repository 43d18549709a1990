"""The AWS emulator with a witness: every permission that a role used, one line each, in a file.

Runs with the emulator's own interpreter (`python -P emulator.py FILE`) and imports nothing of ours. The witness
stands where the emulator asks a role's policies, so it sees what the functions do and cannot change it; the
account's root, which the tests use, has no policies and is not written down.

Two things are set right. A batch of messages needs the permission of a single one, as on AWS, which has no other. And a
function's process that dies while it starts ends its own invocation only: the emulator would throw away every process
of that function, those at work and those that just start, whose failed start would do the same to the next.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from threading import local
from typing import Any

#: requests whose permission has another name (AWS service authorization reference, Amazon SQS)
PERMISSIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def witness(file: Path) -> None:
    """Write each new combination of role, action, resource and decision to `file` as a JSON line."""
    evaluator = vars(import_module("ministack.core.iam_evaluator"))
    enforce, evaluate = evaluator["enforce"], evaluator["evaluate"]
    asked = local()
    seen: set[tuple[str, str, str, str]] = set()

    def evaluating(context: Any, *policies: Any) -> Any:
        # a request's first evaluation is that of its own policies, others may follow for the resource's
        asked.context = getattr(asked, "context", None) or context
        return evaluate(context, *policies)

    def enforcing(access_key: str, action: str, *arguments: Any, **named: Any) -> Any:
        asked.context = None
        denied = enforce(access_key, PERMISSIONS.get(action, action), *arguments, **named)
        if asked.context:
            note(asked.context, "deny" if denied else "allow")
        return denied

    def note(context: Any, decision: str) -> None:
        # arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
        role = context.principal_arn.partition(":assumed-role/")[2].partition("/")[0]
        use = (role, context.action, context.resource_arn, decision)
        if role and use not in seen:
            seen.add(use)
            members = dict(zip(("role", "action", "resource", "decision"), use, strict=True))
            with file.open("a", encoding="utf-8") as sink:
                sink.write(json.dumps(members) + "\n")

    # whoever asks looks these up in the module at each request
    evaluator.update(enforce=enforcing, evaluate=evaluating)


def one_death_at_a_time() -> None:
    """Have a start that failed answered like a process that died at work."""
    worker = vars(import_module("ministack.core.lambda_runtime"))["Worker"]
    invoke = worker.invoke

    def invoking(self: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return invoke(self, *arguments, **named)
        except (RuntimeError, OSError) as error:
            return {"status": "error", "error": str(error)}

    worker.invoke = invoking


if __name__ == "__main__":
    witness(Path(sys.argv.pop()))
    one_death_at_a_time()
    import_module("ministack.app").main()
