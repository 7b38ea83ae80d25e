package io.skerry.control.device;

import io.skerry.control.host.DataFolder;
import io.skerry.control.host.StartException;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.Generation;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps every new order above all that devices have ever seen, also after a database was restored.
 *
 * <p>An older database does not know what was ordered since it was saved, and would give the same
 * generations to other orders. So every start begins a new term: the current time in seconds, and
 * in any case above the term in the database and the one in the file {@code term} of the data
 * folder. A clock that was set back costs nothing as long as one of these two survived. Should both
 * be lost with it, devices tell: an order below what its device has observed is issued again above
 * it. That raises this one device's term only, because a device may lie.
 */
@Singleton
public final class GenerationTerm {
  /** No clock comes near, and there is room above. */
  static final long TERM_MAX = 1L << 48;

  private static final Logger log = LoggerFactory.getLogger(GenerationTerm.class);

  private final Database database;
  private final DataFolder folder;
  private final OutboxSignal signal;
  private final InstantSource clock;

  @Inject
  GenerationTerm(Database database, DataFolder folder, OutboxSignal signal) {
    this(database, folder, signal, InstantSource.system());
  }

  GenerationTerm(Database database, DataFolder folder, OutboxSignal signal, InstantSource clock) {
    this.database = database;
    this.folder = folder;
    this.signal = signal;
    this.clock = clock;
  }

  /**
   * Begins a new term; before anything is ordered.
   *
   * @return the term
   * @throws StartException if the term's file cannot be read
   */
  public long begin() {
    long kept = kept();
    long now = clock.instant().getEpochSecond();
    long term =
        database.call(
            transaction -> {
              long known =
                  transaction
                      .first("select term from desired_term for update", row -> row.bigint("term"))
                      .orElse(0L);
              long next = Math.max(now, Math.max(kept, known) + 1);
              transaction.update("update desired_term set term = ?", next);
              return next;
            });
    folder.writePrivately(file(), term + "\n");
    log.atInfo().addKeyValue("term", term).log("term begun");
    return term;
  }

  /**
   * Issues again, above it, what is below the generation that its device has observed.
   *
   * @return the devices' number
   */
  public int outrank() {
    List<String> outranked = database.call(GenerationTerm::outrank);
    if (!outranked.isEmpty()) {
      log.atError()
          .addKeyValue("devices", outranked.size())
          .addKeyValue("first", outranked.getFirst())
          .log("devices have seen newer orders than the database knows: was it restored?");
      signal.raise();
    }
    return outranked.size();
  }

  private static List<String> outrank(Transaction transaction) {
    return transaction.list(
        """
        with ahead as (
          select desired.device,
            greatest((select term from desired_term), report.observed_term + 1) as term
          from desired join device_report report on report.device = desired.device
          where (report.observed_term, report.observed_counter) > (desired.term, desired.counter)
            and report.observed_term < ?
          order by desired.device limit 1000
        ), slots as (
          update desired_slot set revision = greatest(desired_slot.revision, slot.revision + 1)
          from ahead join device_slot_report slot on slot.device = ahead.device
          where desired_slot.device = slot.device and desired_slot.slot = slot.slot
        ), raised as (
          update desired set term = ahead.term, counter = 1, issued_at = now()
          from ahead where desired.device = ahead.device
          returning desired.device, desired.term, desired.counter
        ), queued as (
          insert into desired_outbox (device, term, counter, queued_at)
          select device, term, counter, now() from raised
          on conflict (device) do update set
            term = excluded.term, counter = excluded.counter, queued_at = excluded.queued_at
        )
        select device from raised
        """,
        row -> row.text("device"),
        TERM_MAX);
  }

  private long kept() {
    Path file = file();
    try {
      return Files.exists(file)
          ? new Generation(
                  Long.parseLong(Files.readString(file, StandardCharsets.UTF_8).strip()), 0)
              .term()
          : 0;
    } catch (IOException | IllegalArgumentException e) {
      throw new StartException(
          ("%s cannot be read (%s): if the data folder was damaged, delete the file;"
                  + " devices then tell what they have seen")
              .formatted(file, e.getMessage()),
          e);
    }
  }

  private Path file() {
    return folder.root().resolve("term");
  }
}
