"""Leadbridge: keeps Adobe Marketo Engage and Salesforce in step."""
