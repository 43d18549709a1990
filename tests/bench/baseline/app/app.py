"""The least that a webhook receiver may do: check the key, put the body on a queue, answer, log one line."""

import base64
import hashlib
import hmac
import json
import logging
import os
from typing import Any

import boto3

logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
logger = logging.getLogger("baseline")
logger.setLevel("INFO")
sqs = boto3.client("sqs")
encoded = os.environ["MASTER_KEY"]
master = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    action_id = event["pathParameters"]["action_id"]
    digest = hmac.new(master, f"{action_id}:1".encode(), hashlib.sha256).digest()
    wanted = "v1." + base64.urlsafe_b64encode(digest).decode().rstrip("=")
    if not hmac.compare_digest(wanted, event["headers"].get("x-leadbridge-key", "")):
        return {"statusCode": 401, "body": "{}"}
    sqs.send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=event["body"])
    logger.info("call answered 200")
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps({"status": "ok"})}
