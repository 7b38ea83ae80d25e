package io.skerry.control.rollout;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.skerry.api.Rollout;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.Transaction;
import io.skerry.protocol.RolloutId;
import jakarta.inject.Singleton;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells of rollouts that ended. That one is to be told of is stored with its end, so a process that
 * dies in between leaves it to the next; whoever listens may be told twice.
 */
@Singleton
final class RolloutEndings {
  private static final Logger log = LoggerFactory.getLogger(RolloutEndings.class);
  private static final int AT_ONCE_MAX = 100;

  private final Database database;
  private final ApplicationEventPublisher<RolloutEnded> ended;
  private final ApplicationEventPublisher<RolloutUnreadable> unreadable;
  private final ApplicationEventPublisher<RolloutNotRestored> notRestored;

  RolloutEndings(
      Database database,
      ApplicationEventPublisher<RolloutEnded> ended,
      ApplicationEventPublisher<RolloutUnreadable> unreadable,
      ApplicationEventPublisher<RolloutNotRestored> notRestored) {
    this.database = database;
    this.ended = ended;
    this.unreadable = unreadable;
    this.notRestored = notRestored;
  }

  /** Tells that so many devices could not go back from what was rolled back. */
  void notRestored(Transaction transaction, RolloutId id, int devices) {
    notRestored.publishEvent(new RolloutNotRestored(transaction, id, devices));
  }

  /** Tells of a rollout that stands still, for nobody here can read it. */
  void standsStill(RolloutId id, String reason) {
    unreadable.publishEvent(new RolloutUnreadable(id, reason));
  }

  /** Keeps with its end that a rollout is to be told of, and tells once that is committed. */
  void ended(Transaction transaction, RolloutId id) {
    transaction.update("update rollout set tell_at = now() where id = ?", id.value());
    transaction.afterCommit(this::tell);
  }

  /** Tells of those that nobody has told of yet, or not to the end. */
  void tell() {
    for (int told = 0; told < AT_ONCE_MAX; told++) {
      Optional<Rollout> next = database.call(RolloutEndings::take);
      if (next.isEmpty()) {
        return;
      }
      Rollout rollout = next.get();
      try {
        ended.publishEvent(new RolloutEnded(rollout));
        database.run(
            transaction ->
                transaction.update("update rollout set tell_at = null where id = ?", rollout.id()));
      } catch (RuntimeException e) {
        log.atError()
            .setCause(e)
            .addKeyValue("rollout", rollout.id())
            .log("not everybody was told that a rollout ended, trying again in a minute");
      }
    }
  }

  private static Optional<Rollout> take(Transaction transaction) {
    return transaction
        .first(
            """
            update rollout set tell_at = now() + interval '1 minute'
            where id = (select id from rollout where tell_at <= now() order by tell_at limit 1
              for update skip locked)
            returning *
            """,
            // One that cannot be read holds up none of the others; it is tried again later.
            row -> RolloutTables.readable(row, unused -> {}))
        .flatMap(stored -> stored)
        .map(stored -> RolloutViews.view(transaction, stored));
  }
}
