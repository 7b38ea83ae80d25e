package io.skerry.control.link;

import io.skerry.control.host.Loop;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.control.sql.Transaction;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of several servers on one database talks to the broker outside: there they are one client,
 * and a broker ends the first one's connection when the second one comes. The others stand by.
 *
 * <p>By the database's clock. Who holds it keeps it while the database cannot be reached: nobody
 * else can take it then. Who holds it and does not reach the broker gives it back, and leaves it to
 * the others for a while. Thread-safe.
 */
@Singleton
public final class LinkLease implements AutoCloseable {
  /** A server that died is replaced after this. */
  public static final Duration LENGTH = Duration.ofSeconds(10);

  private static final Logger log = LoggerFactory.getLogger(LinkLease.class);
  private static final Duration RENEW_EVERY = Duration.ofSeconds(2);

  /** Who has tried for so long and does not hear the devices leaves it to another server. */
  static final Duration DEAF_MAX = Duration.ofSeconds(30);

  /** The longest pause between two tries to connect: a turn has several. */
  static final Duration PAUSE_MAX = DEAF_MAX.dividedBy(6);

  private final Database database;
  private final LongSupplier nanos;
  private final String holder = "server-" + UUID.randomUUID();
  private volatile CompletableFuture<Boolean> next = new CompletableFuture<>();
  private volatile @Nullable Loop loop;
  private final AtomicBoolean untried = new AtomicBoolean();
  private volatile long triedAt;
  private boolean held;
  private long heardAt;
  private long leavesItUntil;

  @Inject
  LinkLease(Database database) {
    this(database, System::nanoTime);
  }

  LinkLease(Database database, LongSupplier nanos) {
    this.database = database;
    this.nanos = nanos;
    this.leavesItUntil = nanos.getAsLong();
    this.triedAt = leavesItUntil;
  }

  /**
   * Asks for it from now on, again and again.
   *
   * @param isListening whether this server hears the devices
   * @param lost told when it was given back, another server has it, or had it since this one asked
   *     last: then before {@link #next} is done
   */
  void begin(BooleanSupplier isListening, Runnable lost) {
    loop = Loop.every("link-lease", RENEW_EVERY, () -> renew(isListening, lost));
  }

  /** Done when the database has said the next time that this server holds it. */
  CompletableFuture<Boolean> next() {
    return next;
  }

  /** Says that this server tries to connect: the first time in a turn, its time begins. */
  void trying() {
    if (untried.getAndSet(false)) {
      triedAt = nanos.getAsLong();
    }
  }

  void renew(BooleanSupplier isListening, Runnable lost) {
    long now = nanos.getAsLong();
    if (now - leavesItUntil < 0) {
      return;
    }
    if (!held || isListening.getAsBoolean()) {
      heardAt = now;
    }
    if (Math.min(now - heardAt, now - triedAt) > DEAF_MAX.toNanos()) {
      log.atWarn()
          .addKeyValue("server", holder)
          .log("this server does not reach the broker, another one may try");
      held = false;
      leavesItUntil = now + LENGTH.toNanos();
      lost.run();
      giveBack();
      return;
    }
    boolean before = held;
    Renewed renewed = database.call(this::renew);
    held = renewed.held();
    if (held != before) {
      log.atInfo()
          .addKeyValue("server", holder)
          .log(held ? "this server talks to the broker" : "another server talks to the broker");
    }
    if (before && !renewed.kept()) {
      lost.run();
    }
    if (held && !(before && renewed.kept())) {
      untried.set(true);
    }
    if (held) {
      CompletableFuture<Boolean> waiting = next;
      next = new CompletableFuture<>();
      waiting.complete(true);
    }
  }

  private record Renewed(boolean held, boolean kept) {}

  private Renewed renew(Transaction transaction) {
    boolean mine =
        transaction
            .first("select holder from link_lease for update", row -> row.optionalText("holder"))
            .flatMap(last -> last)
            .filter(holder::equals)
            .isPresent();
    boolean taken =
        transaction.update(
                """
                update link_lease
                set holder = ?, until = now() + ? * interval '1 millisecond'
                where holder = ? or until < now()
                """,
                holder,
                LENGTH.toMillis(),
                holder)
            == 1;
    return new Renewed(taken, mine);
  }

  /** Leaves it to another server at once. */
  @Override
  public void close() {
    Loop running = loop;
    if (running == null) {
      return;
    }
    running.close();
    giveBack();
  }

  private void giveBack() {
    try {
      database.run(
          transaction ->
              transaction.update(
                  "update link_lease set until = '-infinity' where holder = ?", holder));
    } catch (DatabaseException e) {
      log.atDebug().setCause(e).log("the link's lease was not given back, it runs out");
    }
  }
}
