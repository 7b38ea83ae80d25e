package io.skerry.control.ingest;

import io.skerry.control.sql.Transaction;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Since when windows are being stored whose transaction has not ended: nobody sees them yet, though
 * they were received. Who reads windows by when they were received reads no further than that, or
 * what is committed a moment later is passed by.
 *
 * <p>Told by a shared lock of PostgreSQL, whose number is the second that it was taken in: it ends
 * with its transaction, and every server sees those of all.
 */
public final class Receiving {
  /**
   * Who is storing for longer is waited for no more: a server that died may hold its transaction
   * open for hours.
   */
  public static final Duration HELD_MAX = Duration.ofMinutes(5);

  static final int LOCK = 0x534b_5257;

  private Receiving() {}

  /** Tells of this transaction until it ends; before it says when windows were received. */
  static void hold(Transaction transaction) {
    transaction.list(
        """
        select pg_advisory_xact_lock_shared(?, floor(extract(epoch from clock_timestamp()))::int)
        """,
        row -> true,
        LOCK);
  }

  /**
   * Since when the oldest of them has been storing windows, by the database's clock; empty when
   * nobody is. Whoever begins after this was asked receives later than that.
   */
  public static Optional<Instant> since(Transaction transaction) {
    return transaction.first(
        """
        select to_timestamp(objid::bigint) as since from pg_locks
        where locktype = 'advisory' and objsubid = 2 and classid = ?::bigint::oid
          and database = (select oid from pg_database where datname = current_database())
          and to_timestamp(objid::bigint) > clock_timestamp() - ? * interval '1 millisecond'
        order by objid limit 1
        """,
        row -> row.instant("since"),
        LOCK,
        HELD_MAX.toMillis());
  }
}
