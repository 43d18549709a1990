"""The Marketo twin, split as moto splits a service: urls, responses, models, exceptions."""
