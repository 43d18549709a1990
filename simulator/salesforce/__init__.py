"""A twin of the Salesforce REST API that holds state and keeps the platform's rules."""
