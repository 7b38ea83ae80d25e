package io.skerry.control.ingest;

import io.skerry.control.sql.Transaction;

/** Counters kept in the same transaction as what they count. */
final class Counters {
  private Counters() {}

  static void add(Transaction transaction, String name, long more) {
    if (more > 0) {
      transaction.update(
          "update telemetry_counter set value = value + ? where name = ?", more, name);
    }
  }
}
