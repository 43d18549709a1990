"""Lambda function `forget_person`."""
