"""Lambda function `send_alerts`."""
