package io.skerry.control.ingest;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.device.DeviceReported;
import io.skerry.control.host.Events;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.control.link.ControlLink;
import io.skerry.control.link.InboundMessage;
import io.skerry.control.sql.Database;
import io.skerry.control.sql.DatabaseException;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stores what devices send: a batch of messages in one transaction, then acknowledges them, tells
 * the devices what is committed, and publishes events.
 *
 * <p>A crash before the commit costs nothing: the messages were not acknowledged and the devices
 * still have their records. A crash after it neither: what comes again is counted as a duplicate
 * and answered with the committed range.
 */
@Singleton
public final class Ingest {
  private static final Logger log = LoggerFactory.getLogger(Ingest.class);

  // Long enough for every copy of a batch that somebody may still hold to have come.
  private static final Duration FOLD_AFTER = Duration.ofDays(7);
  private static final Duration FOLD_EVERY = Duration.ofHours(1);

  private final Database database;
  private final ControlLink link;
  private final BatchStore store;
  private final Quarantine quarantine;
  private final Events events;
  private final IngestConfig config;
  private @Nullable Loop loop;
  private @Nullable Loop folding;

  Ingest(
      Database database,
      ControlLink link,
      BatchStore store,
      Quarantine quarantine,
      Events events,
      IngestConfig config) {
    this.database = database;
    this.link = link;
    this.store = store;
    this.quarantine = quarantine;
    this.events = events;
    this.config = config;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Loop.start("ingest", this::round);
    folding =
        Loop.every(
            "ledger-folding",
            FOLD_EVERY,
            () -> database.run(transaction -> Ledgers.fold(transaction, FOLD_AFTER)));
  }

  @PreDestroy
  void end() {
    if (folding != null) {
      folding.close();
    }
    if (loop != null) {
      loop.close();
    }
  }

  private void round() throws InterruptedException {
    List<InboundMessage> messages = link.take(config.batchMessages(), config.batchEvery());
    if (!messages.isEmpty()) {
      storeUntilSafe(messages);
    }
  }

  void storeUntilSafe(List<InboundMessage> messages) throws InterruptedException {
    BatchStore.Stored stored;
    try {
      stored =
          untilDone(
              transaction -> store.store(transaction, standing(messages)),
              failure -> failure instanceof DatabaseException refused && refused.isAway());
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      // What one message does, or a mistake of ours about it, must not cost the others.
      if (messages.size() == 1) {
        setAside(messages.getFirst(), e);
        return;
      }
      log.atWarn().setCause(e).log("batch refused, storing its messages one by one");
      for (InboundMessage message : messages) {
        storeUntilSafe(List.of(message));
      }
      return;
    }
    finish(messages, stored);
  }

  // Looked at with each try: after hours, another server may long have stored what came later.
  private static List<InboundMessage> standing(List<InboundMessage> messages) {
    return messages.stream().filter(message -> !message.isVoid().getAsBoolean()).toList();
  }

  // Messages stay with us until they are safe: the broker would not send them again before it lost
  // the connection.
  private <T> T untilDone(Database.Work<T> work, Predicate<Throwable> passes)
      throws InterruptedException {
    for (long pauseMillis = 100; ; pauseMillis = Math.min(5000, 2 * pauseMillis)) {
      try {
        return database.call(work);
      } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
        if (!passes.test(e)) {
          throw e;
        }
        log.atError().setCause(e).log("nothing can be stored now, messages wait");
        Thread.sleep(pauseMillis);
      }
    }
  }

  private void setAside(InboundMessage message, Throwable cause) throws InterruptedException {
    log.atError()
        .addKeyValue("device", message.topic().device())
        .setCause(cause)
        .log("message could not be stored");
    String reason =
        (cause instanceof DatabaseException ? "the database refused it: " : "storing it failed: ")
            + cause.getMessage();
    untilDone(
        transaction -> {
          standing(List.of(message))
              .forEach(
                  one ->
                      quarantine.put(transaction, one.topic(), null, null, reason, one.payload()));
          return true;
        },
        failure -> true);
    message.acknowledge().run();
  }

  private void finish(List<InboundMessage> messages, BatchStore.Stored stored) {
    messages.forEach(message -> message.acknowledge().run());
    stored
        .committed()
        .forEach(
            (device, ranges) ->
                link.publish(
                        Topics.device(device.tenant(), device.device(), Topics.COMMITTED),
                        ProtocolCodec.encode(ranges),
                        false)
                    .exceptionally(
                        failure -> {
                          log.atDebug()
                              .addKeyValue("device", device.device())
                              .setCause(failure)
                              .log("committed range not told, the device will ask again");
                          return null;
                        }));
    if (!stored.reported().isEmpty()) {
      events.publish(new DeviceReported(stored.reported()));
    }
  }
}
