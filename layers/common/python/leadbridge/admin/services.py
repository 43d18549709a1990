"""What the admin API's routes call: use-cases, and nothing else."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leadbridge.ports import Clock, Configurations, Journal
from leadbridge.usecases.apply_configuration import ApplyConfiguration
from leadbridge.usecases.catalogue import Catalogue
from leadbridge.usecases.check_connection import CheckConnection
from leadbridge.usecases.connection_secrets import ConnectionSecrets
from leadbridge.usecases.count_outcomes import CountOutcomes
from leadbridge.usecases.cycle_planned import CyclePlanned
from leadbridge.usecases.cycle_results import CycleResults
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.usecases.failed_callbacks import FailedCallbacks
from leadbridge.usecases.lint_attribution import LintAttribution
from leadbridge.usecases.list_connections import ListConnections
from leadbridge.usecases.order_erasure import OrderErasure
from leadbridge.usecases.overview import ShowOverview
from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.price_cycle import PriceCycle
from leadbridge.usecases.price_sync import PriceSync
from leadbridge.usecases.propose_cycle import ProposeCycle
from leadbridge.usecases.provision_object import Clients
from leadbridge.usecases.redrive_many import RedriveMany
from leadbridge.usecases.search_executions import SearchExecutions
from leadbridge.usecases.setup_sheet import ShowSetup
from leadbridge.usecases.start_cycle import StartCycle
from leadbridge.usecases.start_sync import StartSync
from leadbridge.usecases.sync_results import SyncResults
from leadbridge.usecases.try_action import TryAction
from leadbridge.usecases.view_sync import ViewSync
from leadbridge.usecases.webhook_sheet import ShowWebhook


@dataclass(frozen=True, kw_only=True)
class Services:
    """The use-cases of one deployment; `done` is called after each request, to give back what others may need."""

    configurations: Configurations
    overview: ShowOverview
    outcomes: CountOutcomes
    apply: ApplyConfiguration
    connections: ListConnections
    check_connection: CheckConnection
    connection_secrets: ConnectionSecrets
    setup: ShowSetup
    catalogue: Catalogue
    trying: TryAction
    webhook: ShowWebhook
    search: SearchExecutions
    redrive: RedriveMany
    callbacks: FailedCallbacks
    erasing: OrderErasure
    view_sync: ViewSync
    preview_sync: PreviewSync
    price_sync: PriceSync
    start_sync: StartSync
    sync_results: SyncResults
    start_cycle: StartCycle
    cycle_results: CycleResults
    cycle_rows: CycleRows
    cycle_planned: CyclePlanned
    price_cycle: PriceCycle
    propose_cycle: ProposeCycle
    #: of both systems, for objects of one's own
    clients: Clients
    attribution: LintAttribution
    journal: Journal
    #: has the scheduler's entry of a Sync or cycle, by kind and id, moved as its document says
    keep_schedule: Callable[[str, str], None]
    #: what a vendor's table says is to be done about a reason
    remedies: Callable[[str], Iterable[str]]
    clock: Clock
    done: Callable[[], None]
