"""Lambda function `store_events`."""
