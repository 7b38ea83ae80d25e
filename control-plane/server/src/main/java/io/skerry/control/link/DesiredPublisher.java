package io.skerry.control.link;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.artifact.sign.Dsse;
import io.skerry.control.device.DesiredOutbox;
import io.skerry.control.device.DeviceRemoved;
import io.skerry.control.device.GenerationTerm;
import io.skerry.control.device.SigningKeys;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings desired documents from the outbox to the devices, signed and retained. */
@Singleton
final class DesiredPublisher {
  private static final Logger log = LoggerFactory.getLogger(DesiredPublisher.class);
  // While the broker and the database take some chunks, the next is read and signed.
  static final int CHUNK = 500;
  static final int UNDER_WAY_MAX = 3;
  // Then those are tried again that the broker did not take.
  private static final int CHUNKS_MAX = 40;
  private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
  private static final Duration REPAIR_EVERY = Duration.ofSeconds(5);
  private static final Duration UNSEEN = Duration.ofSeconds(10);

  private final DesiredOutbox outbox;
  private final GenerationTerm term;
  private final SigningKeys keys;
  private final BooleanSupplier isListening;
  private final Broker broker;
  private final List<Loop> loops = new ArrayList<>();

  /** Takes messages in the order in which they are handed over. */
  @FunctionalInterface
  interface Broker {
    /** See {@link ControlLink#publish}. */
    CompletableFuture<Void> publish(String topic, byte[] payload, boolean retained);
  }

  @Inject
  DesiredPublisher(DesiredOutbox outbox, GenerationTerm term, SigningKeys keys, ControlLink link) {
    this(outbox, term, keys, link::isListening, link::publish);
  }

  DesiredPublisher(
      DesiredOutbox outbox,
      GenerationTerm term,
      SigningKeys keys,
      BooleanSupplier isListening,
      Broker broker) {
    this.outbox = outbox;
    this.term = term;
    this.keys = keys;
    this.isListening = isListening;
    this.broker = broker;
  }

  @EventListener
  void start(ServerReady ready) {
    outbox.queueAll();
    loops.add(Loop.start("desired", this::round));
    loops.add(Loop.every("desired-repair", REPAIR_EVERY, this::repair));
  }

  // The name is free: what the broker keeps of its last owner must not reach the next one.
  @EventListener
  void onRemoved(DeviceRemoved event) {
    broker
        .publish(Topics.device(event.tenant(), event.device(), Topics.DESIRED), new byte[0], true)
        .exceptionally(
            failure -> {
              log.atWarn()
                  .addKeyValue("device", event.device())
                  .addKeyValue("cause", failure.getMessage())
                  .log("a removed device's order stays on the broker until its name enrols again");
              return null;
            });
  }

  @PreDestroy
  void end() {
    loops.forEach(Loop::close);
  }

  private void round() throws InterruptedException {
    // Another server may have the line.
    switch (isListening.getAsBoolean() ? publishWaiting() : Outcome.NOTHING) {
      case NOTHING -> outbox.await(LOOK_EVERY);
      case FAILED -> Thread.sleep(LOOK_EVERY);
      case PUBLISHED -> {}
    }
  }

  enum Outcome {
    NOTHING,
    PUBLISHED,
    FAILED
  }

  /**
   * Publishes what waits, each device's newest and who has waited longest first, and takes out of
   * the outbox what the broker acknowledged; at most {@link #UNDER_WAY_MAX} chunks wait for that at
   * a time. Of a device whose document is under way nothing newer is sent, so that none is
   * overtaken.
   *
   * @return FAILED when the broker took none
   */
  Outcome publishWaiting() {
    Deque<Chunk> underWay = new ArrayDeque<>();
    try {
      return publishWaiting(underWay);
    } finally {
      // Also after a failure: what comes next begins with nothing under way.
      underWay.forEach(chunk -> chunk.isAnyTaken().exceptionally(failure -> false).join());
    }
  }

  private Outcome publishWaiting(Deque<Chunk> underWay) {
    Optional<DesiredOutbox.Waiting> last = Optional.empty();
    boolean isAnyTaken = false;
    boolean isThere = true;
    for (int chunk = 0; isThere && goesOn() && chunk < CHUNKS_MAX; chunk++) {
      List<DesiredOutbox.Waiting> read = outbox.waiting(CHUNK, last);
      List<DesiredOutbox.Waiting> next = withoutDevices(read, underWay);
      if (next.isEmpty()) {
        break;
      }
      last = Optional.of(read.getLast());
      underWay.add(Chunk.of(send(next), this::isAnyTaken));
      if (underWay.size() == UNDER_WAY_MAX) {
        // A broker that takes nothing of a chunk is away; a document that it refuses holds up
        // nobody.
        isThere = underWay.remove().isAnyTaken().join();
        isAnyTaken |= isThere;
      }
    }
    if (last.isEmpty()) {
      return Outcome.NOTHING;
    }
    for (Chunk chunk : underWay) {
      isAnyTaken |= chunk.isAnyTaken().join();
    }
    return isAnyTaken ? Outcome.PUBLISHED : Outcome.FAILED;
  }

  // Who is told to end must not first publish all that waits.
  private boolean goesOn() {
    return isListening.getAsBoolean() && !Thread.currentThread().isInterrupted();
  }

  private record Chunk(Set<DeviceId> devices, CompletableFuture<Boolean> isAnyTaken) {
    static Chunk of(List<Sent> sent, Predicate<List<Sent>> isAnyTaken) {
      return new Chunk(
          sent.stream().map(one -> one.waiting().document().device()).collect(Collectors.toSet()),
          CompletableFuture.supplyAsync(() -> isAnyTaken.test(sent), Thread::startVirtualThread));
    }
  }

  private static List<DesiredOutbox.Waiting> withoutDevices(
      List<DesiredOutbox.Waiting> read, Collection<Chunk> underWay) {
    return read.stream()
        .filter(
            waiting ->
                underWay.stream()
                    .noneMatch(chunk -> chunk.devices().contains(waiting.document().device())))
        .toList();
  }

  private record Sent(DesiredOutbox.Waiting waiting, CompletableFuture<Void> done) {}

  private List<Sent> send(List<DesiredOutbox.Waiting> documents) {
    // The signature is the dearest part: on every core.
    List<byte[]> envelopes =
        documents.parallelStream().map(waiting -> envelope(waiting.document())).toList();
    List<Sent> sent = new ArrayList<>();
    for (int i = 0; i < documents.size(); i++) {
      DesiredDocument document = documents.get(i).document();
      String topic = Topics.device(document.tenant(), document.device(), Topics.DESIRED);
      sent.add(new Sent(documents.get(i), broker.publish(topic, envelopes.get(i), true)));
    }
    return sent;
  }

  // What dies before the end leaves the documents in the outbox: they are published again.
  private boolean isAnyTaken(List<Sent> sent) {
    List<DesiredOutbox.Waiting> taken =
        sent.stream()
            .filter(one -> isDone(one.waiting().document(), one.done()))
            .map(Sent::waiting)
            .toList();
    outbox.published(taken);
    return !taken.isEmpty();
  }

  private static boolean isDone(DesiredDocument document, CompletableFuture<Void> done) {
    try {
      done.join();
      return true;
    } catch (CompletionException e) {
      log.atWarn()
          .addKeyValue("device", document.device())
          .addKeyValue("generation", document.generation())
          .addKeyValue("cause", e.getMessage())
          .log("desired document not published, trying again");
      return false;
    }
  }

  private byte[] envelope(DesiredDocument document) {
    return SignedMessage.of(
        Dsse.sign(DesiredDocument.PAYLOAD_TYPE, ProtocolCodec.encode(document), keys.director()));
  }

  private void repair() {
    term.outrank();
    int queued = outbox.repair(UNSEEN);
    if (queued > 0) {
      log.atWarn().addKeyValue("devices", queued).log("desired documents published again");
    }
  }
}
