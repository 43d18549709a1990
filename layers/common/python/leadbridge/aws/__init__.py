"""Adapters to AWS; the only place in the layer that knows boto3."""
