"""`leadbridge syncs`: Syncs and their runs."""

import click

from leadbridge_cli import sync_looks, sync_plans, sync_price, sync_runs


@click.group()
def syncs() -> None:
    """Syncs: look at them and at what they would do, run them, and see what became of their runs."""


syncs.add_command(sync_looks.list_syncs)
syncs.add_command(sync_looks.show_sync)
syncs.add_command(sync_looks.view_query)
syncs.add_command(sync_looks.preview_sync)
syncs.add_command(sync_price.price_sync)
syncs.add_command(sync_plans.plan_sync)
syncs.add_command(sync_plans.show_plan)
syncs.add_command(sync_plans.apply_plan)
syncs.add_command(sync_runs.activate_sync)
syncs.add_command(sync_runs.deactivate_sync)
syncs.add_command(sync_runs.run_sync)
syncs.add_command(sync_runs.sync_executions)
syncs.add_command(sync_runs.retry_rows)
syncs.add_command(sync_runs.ask_run)
