"""Tables, relations and constraints: the archive.  Behaviour lives in `services`."""

# NB: first of all, because it sets the naming convention that every table below goes by.
from app import extensions  # noqa: F401  isort: skip
from app.models.account import MailRequest, PasswordLink, RecoveryCode
from app.models.audit import AuditEntry
from app.models.background import BackgroundTask, ImportBatch, ImportRow
from app.models.checks import BookCheck, ModuleMatch, SetClock
from app.models.consumer import Consumer, ConsumerTerm
from app.models.journal import ModuleAnswer, ModuleTokenId
from app.models.ledger import DebtEntry, LedgerAccount, Posting
from app.models.meter import Meter, MeterLock
from app.models.names import NamesTwice
from app.models.operations import BackupMade, RestoreDone, ReversalRequest, SaleDecision, SignOfLife
from app.models.product import Manufacturer, Product
from app.models.region import Region
from app.models.reporting import ReportSchedule, ReportSending, SavedQuestion
from app.models.reprint import ActReprint, Reprint
from app.models.sale import Sale, SaleFee, SaleLine
from app.models.security_module import ModuleHealth, SecurityModule, SupplyGroupKey
from app.models.settings import ClockConfirmation, Currency, Licence, Settings, SlipLogo
from app.models.summaries import (
    DaySums,
    InactiveDay,
    MonthSums,
    PurchaseDay,
    PurchaseMonth,
    QuarterSums,
    RegionDay,
    RegionMonth,
    SaleDay,
    SaleMonth,
    SaleQuarter,
    SaleTen,
    TenSums,
)
from app.models.tariff import (
    Tariff,
    TariffFee,
    TariffFine,
    TariffLevy,
    TariffPlan,
    TariffStep,
    TariffTax,
)
from app.models.token import EngineeringRecord, Token
from app.models.training import TrainingState
from app.models.user import (
    AppUser,
    FailedSignIn,
    SeededPermission,
    SignInFailure,
    UserGroup,
    UserSession,
)
from app.models.vending_point import CashAccount, VendingPoint

__all__ = [
    "ActReprint", "AppUser", "AuditEntry", "BackgroundTask", "BackupMade", "BookCheck", "CashAccount",
    "ClockConfirmation", "Consumer", "ConsumerTerm", "Currency", "DaySums", "DebtEntry",
    "EngineeringRecord", "FailedSignIn", "ImportBatch", "ImportRow", "InactiveDay", "LedgerAccount", "Licence",
    "MailRequest",
    "Manufacturer", "Meter", "MeterLock", "ModuleAnswer", "ModuleHealth", "ModuleMatch", "ModuleTokenId",
    "MonthSums", "NamesTwice", "PasswordLink", "Posting", "Product", "PurchaseDay", "PurchaseMonth", "QuarterSums",
    "RecoveryCode",
    "Region", "RegionDay", "RegionMonth", "ReportSchedule", "ReportSending", "Reprint", "RestoreDone",
    "ReversalRequest", "Sale", "SaleDay", "SaleDecision", "SaleFee", "SaleLine", "SaleMonth", "SaleQuarter",
    "SaleTen", "SavedQuestion", "SecurityModule", "SeededPermission", "SetClock", "Settings", "SignInFailure",
    "SignOfLife", "SlipLogo", "SupplyGroupKey", "Tariff", "TariffFee", "TariffFine", "TariffLevy",
    "TariffPlan", "TariffStep", "TariffTax", "TenSums", "Token", "TrainingState", "UserGroup", "UserSession",
    "VendingPoint",
]  # fmt: skip
