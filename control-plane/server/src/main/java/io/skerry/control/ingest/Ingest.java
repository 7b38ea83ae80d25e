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
import java.util.ArrayDeque;
import java.util.Deque;
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

  /** How often the parts of one message are stored by themselves. */
  static final int SPLITS_MAX = 64;

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
      stored = stored(messages);
    } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
      // What one message does, or a mistake of ours about it, must not cost the others.
      if (messages.size() == 1) {
        storeInParts(new Refused(messages.getFirst(), e));
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

  private BatchStore.Stored stored(List<InboundMessage> messages) throws InterruptedException {
    return untilDone(
        transaction -> store.store(transaction, standing(messages)), Ingest::databaseIsAway);
  }

  private static boolean databaseIsAway(Throwable failure) {
    return failure instanceof DatabaseException refused && refused.isAway();
  }

  private record Refused(InboundMessage message, Throwable cause) {}

  // Nor must what one record does cost its neighbours; a hostile device gets no more than so many
  // tries for a message. What is left then stays on its device, which sends it again: less is left
  // each time, for what was stored before is a duplicate. From the first half on, for a device
  // frees what lies in one piece with its beginning.
  private void storeInParts(Refused whole) throws InterruptedException {
    Deque<Refused> parts = new ArrayDeque<>(List.of(whole));
    int tries = 0;
    while (!parts.isEmpty()) {
      Refused part = parts.pop();
      List<InboundMessage> halves = BatchStore.halves(part.message());
      if (halves.isEmpty()) {
        setAside(part);
      } else if (tries >= SPLITS_MAX) {
        leave(part);
      } else {
        tries += halves.size();
        for (InboundMessage half : halves.reversed()) {
          try {
            finish(List.of(half), stored(List.of(half)));
          } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
            parts.push(new Refused(half, e));
          }
        }
      }
    }
    whole.message().acknowledge().run();
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

  private void setAside(Refused part) throws InterruptedException {
    InboundMessage message = part.message();
    Throwable cause = part.cause();
    String reason = told(part);
    if (cause instanceof DatabaseException refused && refused.isOfValue()) {
      try {
        // It will be refused whenever it comes, so its device need not keep it.
        finish(
            List.of(message),
            untilDone(
                transaction -> store.setAside(transaction, standing(List.of(message)), reason),
                Ingest::databaseIsAway));
        return;
      } catch (RuntimeException | OutOfMemoryError | StackOverflowError e) {
        log.atError().setCause(e).log("its record could not be set aside");
      }
    }
    keepACopy(message, reason);
  }

  // How many of its records are at fault, nobody knows: none of them is taken.
  private void leave(Refused part) throws InterruptedException {
    keepACopy(part.message(), told(part));
  }

  private static String told(Refused part) {
    log.atError()
        .addKeyValue("device", part.message().topic().device())
        .setCause(part.cause())
        .log("message could not be stored");
    return (part.cause() instanceof DatabaseException
            ? "the database refused it: "
            : "storing it failed: ")
        + part.cause().getMessage();
  }

  private void keepACopy(InboundMessage message, String reason) throws InterruptedException {
    untilDone(
        transaction -> {
          standing(List.of(message))
              .forEach(
                  one ->
                      quarantine.put(transaction, one.topic(), null, null, reason, one.payload()));
          return true;
        },
        failure -> true);
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
