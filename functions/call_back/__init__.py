"""Lambda function `call_back`."""
