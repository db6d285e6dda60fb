"""Online Retail and Online Retail II, the orders of a shop, as CSV; published as spreadsheets with the same columns.

An interaction is a line of an order. Cancelled orders, whose number begins with `C`, and lines without a customer are
no interactions: both are counted. The local times of the shop are read as UTC.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import Delimited, FileLayout, Layout, Prepared


def _prepare(rows: pa.RecordBatch, invoice: str, customer: str) -> Prepared:
    is_cancelled = pc.fill_null(pc.starts_with(rows[invoice], "C", ignore_case=True), fill_value=False)
    cancelled = is_cancelled.to_numpy(zero_copy_only=False)
    guest = rows[customer].is_null().to_numpy(zero_copy_only=False) & ~cancelled
    positions = pa.array(np.flatnonzero(~cancelled & ~guest))
    kept = rows.take(positions)
    index = kept.schema.get_field_index(customer)
    whole = pc.replace_substring_regex(kept.column(index), r"\.0+$", "")  # pandas writes ids of a column with nulls so
    dropped = {"cancelled": int(cancelled.sum()), "no_customer": int(guest.sum())}
    return Prepared(kept.set_column(index, customer, whole), positions, dropped)


def keep_orders_of_first(rows: pa.RecordBatch) -> Prepared:
    """Drop cancelled orders and lines without a customer, in the columns of Online Retail."""
    return _prepare(rows, "InvoiceNo", "CustomerID")


def keep_orders_of_second(rows: pa.RecordBatch) -> Prepared:
    """Drop cancelled orders and lines without a customer, in the columns of Online Retail II."""
    return _prepare(rows, "Invoice", "Customer ID")


def _layout(variant: str, invoice: str, customer: str) -> FileLayout:
    return FileLayout(
        "interactions",
        r".*\.csv",
        Delimited(),
        {"user_id": customer, "item_id": "StockCode", "timestamp": "InvoiceDate", "value": "Quantity"},
        item_columns={"item_id": "StockCode", "title": "Description"},
        read=(invoice, "StockCode", "Description", "Quantity", "InvoiceDate", customer),
        variant=variant,
        event="purchase",
        date_order="month_first",
        fallback_encoding="latin-1",
        prepare=keep_orders_of_first if variant == "Online Retail" else keep_orders_of_second,
    )


RETAIL = Layout(
    title="Online Retail",
    files=(
        _layout("Online Retail", "InvoiceNo", "CustomerID"),
        _layout("Online Retail II", "Invoice", "Customer ID"),
    ),
    reasons={"cancelled": "lines of cancelled orders", "no_customer": "lines without a customer"},
)
