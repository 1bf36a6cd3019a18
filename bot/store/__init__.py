"""The store: one SQLite ledger a desk, Snapshot files beside it, and a hash chain through both."""
