package io.skerry.control.ingest;

import io.skerry.control.sql.Row;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.TenantId;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is to be erased. An order is told in a transaction of its own, before anything is erased,
 * and waits for everybody who is storing something: whoever begins later knows of it, and what was
 * stored before is seen by the erasure.
 */
public final class ErasureOrders {
  private static final long LOCK = 0x534b_4552_4153_0001L;

  private ErasureOrders() {}

  /** Keeps orders from being told until the transaction ends; before anything is looked at. */
  public static void hold(Transaction transaction) {
    transaction.list("select pg_advisory_xact_lock_shared(?)", row -> true, LOCK);
  }

  /**
   * Tells an order, once nobody stores anything who does not know of it.
   *
   * @param device empty for a subject
   * @param subject as a pseudonym; empty for a device
   */
  public static void tell(
      Transaction transaction,
      String id,
      TenantId tenant,
      @Nullable String device,
      @Nullable String subject,
      Instant requestedAt) {
    transaction.list("select pg_advisory_xact_lock(?)", row -> true, LOCK);
    transaction.update(
        """
        insert into erasure_order (id, tenant, device, subject, requested_at)
        values (?, ?, ?, ?, ?) on conflict (id) do nothing
        """,
        id,
        tenant.value(),
        device,
        subject,
        requestedAt);
  }

  /** The newest order; 0 when there is none. Later ones have higher numbers. */
  public static long newest(Transaction transaction) {
    return transaction.number("select coalesce(max(number), 0) from erasure_order");
  }

  /** Until when devices were erased, of those that were. */
  static Map<String, Instant> ofDevices(Transaction transaction, Collection<String> devices) {
    return until(
        transaction,
        """
        select device as name, max(requested_at) as until from erasure_order
        where device = any(?) group by device
        """,
        devices);
  }

  /** Until when subjects were erased, of those that were, by their pseudonyms. */
  static Map<String, Instant> ofSubjects(Transaction transaction, Collection<String> subjects) {
    return until(
        transaction,
        """
        select subject as name, max(requested_at) as until from erasure_order
        where subject = any(?) group by subject
        """,
        subjects);
  }

  private static Map<String, Instant> until(
      Transaction transaction, String sql, Collection<String> names) {
    Map<String, Instant> until = new HashMap<>();
    if (!names.isEmpty()) {
      transaction.forEach(
          sql, (Row row) -> until.put(row.text("name"), row.instant("until")), names);
    }
    return until;
  }
}
