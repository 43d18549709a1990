"""Marketo Engage REST client: auth, paging, error table and the calls we make."""
