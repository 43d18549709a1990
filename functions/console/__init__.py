"""Lambda function `console`."""
