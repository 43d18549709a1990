"""Lambda function `run_bulk_step`."""
