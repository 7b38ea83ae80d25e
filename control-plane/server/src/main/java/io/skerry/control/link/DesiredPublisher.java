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
import io.skerry.protocol.ProtocolCodec;
import io.skerry.protocol.Topics;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Brings desired documents from the outbox to the devices, signed and retained. */
@Singleton
final class DesiredPublisher {
  private static final Logger log = LoggerFactory.getLogger(DesiredPublisher.class);
  private static final int BATCH = 500;
  private static final Duration LOOK_EVERY = Duration.ofSeconds(2);
  private static final Duration REPAIR_EVERY = Duration.ofSeconds(5);
  private static final Duration UNSEEN = Duration.ofSeconds(10);

  private final DesiredOutbox outbox;
  private final GenerationTerm term;
  private final SigningKeys keys;
  private final ControlLink link;
  private final List<Loop> loops = new ArrayList<>();

  DesiredPublisher(DesiredOutbox outbox, GenerationTerm term, SigningKeys keys, ControlLink link) {
    this.outbox = outbox;
    this.term = term;
    this.keys = keys;
    this.link = link;
  }

  @EventListener
  void start(ServerReady ready) {
    outbox.queueAll();
    loops.add(Loop.start("desired", this::publish));
    loops.add(Loop.every("desired-repair", REPAIR_EVERY, this::repair));
  }

  // The name is free: what the broker keeps of its last owner must not reach the next one.
  @EventListener
  void onRemoved(DeviceRemoved event) {
    link.publish(Topics.device(event.tenant(), event.device(), Topics.DESIRED), new byte[0], true)
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

  private void publish() throws InterruptedException {
    // Another server may have the line.
    List<DesiredOutbox.Waiting> documents = link.isListening() ? outbox.waiting(BATCH) : List.of();
    if (documents.isEmpty()) {
      outbox.await(LOOK_EVERY);
      return;
    }
    Map<DesiredOutbox.Waiting, CompletableFuture<Void>> sent = new LinkedHashMap<>();
    for (DesiredOutbox.Waiting waiting : documents) {
      DesiredDocument document = waiting.document();
      sent.put(
          waiting,
          link.publish(
              Topics.device(document.tenant(), document.device(), Topics.DESIRED),
              envelope(document),
              true));
    }
    List<DesiredOutbox.Waiting> published = new ArrayList<>();
    sent.forEach(
        (waiting, done) -> {
          if (isDone(waiting.document(), done)) {
            published.add(waiting);
          }
        });
    outbox.published(published);
    if (published.size() < documents.size()) {
      Thread.sleep(LOOK_EVERY);
    }
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
