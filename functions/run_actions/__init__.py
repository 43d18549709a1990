"""Lambda function `run_actions`."""
