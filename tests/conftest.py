"""What every test run of this project does: keep the ledger, and bound what a test may touch."""

pytest_plugins = ["tests.plugins.ledger", "tests.plugins.guards", "tests.plugins.sharing", "pytester"]
