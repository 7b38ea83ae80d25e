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
 * <p>Told by a shared lock of PostgreSQL, whose number is the millisecond that it was taken in, of
 * the last 24 days: it ends with its transaction, and every server sees those of all.
 */
public final class Receiving {
  /**
   * Who is storing for longer is waited for no more: a server that died may hold its transaction
   * open for hours.
   */
  public static final Duration HELD_MAX = Duration.ofMinutes(5);

  static final int LOCK = 0x534b_5257;

  /** That many numbers there are. */
  static final long MILLIS = 1L << 31;

  private Receiving() {}

  /** Tells of this transaction until it ends; before it says when windows were received. */
  static void hold(Transaction transaction) {
    transaction.list(
        """
        select pg_advisory_xact_lock_shared(
          ?, (floor(extract(epoch from clock_timestamp()) * 1000)::bigint % ?)::int)
        """,
        row -> true, LOCK, MILLIS);
  }

  /**
   * Since when the oldest of them has been storing windows, by the database's clock; empty when
   * nobody is. Whoever begins after this was asked receives later than that.
   */
  public static Optional<Instant> since(Transaction transaction) {
    return transaction.first(
        """
        select millis - age as since
        from (select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as millis) asked
        cross join lateral (
          select mod(millis - objid::bigint, ?) as age from pg_locks
          where locktype = 'advisory' and objsubid = 2 and classid = ?::bigint::oid
            and database = (select oid from pg_database where datname = current_database())) held
        where age < ? order by age desc limit 1
        """,
        row -> Instant.ofEpochMilli(row.bigint("since")),
        MILLIS,
        LOCK,
        HELD_MAX.toMillis());
  }
}
