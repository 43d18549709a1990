"""Lambda function `receive_action`."""
