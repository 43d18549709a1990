"""Lambda function `flow_step`."""
