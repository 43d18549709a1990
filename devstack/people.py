"""People who may sign in to a local stack's console, one of each role."""

import secrets

from devstack.stack import Stack

ROLES = ("viewer", "operator", "admin")


def add_people(stack: Stack) -> dict[str, dict[str, str]]:
    """Add one person of each role to the stack's pool; gives their names and passwords, which are new each time."""
    client, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    people = {}
    for role in ROLES:
        # the pool asks for a letter of either case and a digit
        person = {"UserPoolId": pool, "Username": f"{role}@example.com"}
        password = f"{secrets.token_urlsafe(12)}-Aa1"
        attributes = [
            {"Name": "email", "Value": person["Username"]},
            {"Name": "email_verified", "Value": "true"},
        ]
        given = {"TemporaryPassword": password, "UserAttributes": attributes}
        client.admin_create_user(**person, **given, MessageAction="SUPPRESS")
        client.admin_set_user_password(**person, Password=password, Permanent=True)
        client.admin_add_user_to_group(**person, GroupName=role)
        people[role] = {"name": person["Username"], "password": password}
    return people
