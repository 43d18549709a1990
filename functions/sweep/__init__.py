"""Lambda function `sweep`."""
