"""Lambda function `start_sync`."""
