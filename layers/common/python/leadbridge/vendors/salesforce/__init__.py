"""Salesforce REST client: JWT bearer login, SOQL quoting, error table and the calls we make."""
