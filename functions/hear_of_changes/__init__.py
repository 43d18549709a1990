"""Lambda function `hear_of_changes`."""
