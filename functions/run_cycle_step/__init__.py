"""Lambda function `run_sync_step`."""
