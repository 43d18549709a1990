"""Lambda function `receive_outbound_message`."""
