package io.skerry.control.link;

import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.control.device.Snapshots;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import io.skerry.protocol.TenantId;
import io.skerry.protocol.Topics;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Publishes the newest snapshot, retained, to every device of the tenant. */
@Singleton
final class SnapshotPublisher {
  private static final Logger log = LoggerFactory.getLogger(SnapshotPublisher.class);
  private static final TenantId TENANT = new TenantId("default");
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);
  // A node of a broker that came back empty has lost its retained messages, and does not say so.
  // Every device gets each repetition, however few bytes it has; who hears of none for longer asks
  // by itself.
  private static final Duration REPEAT_EVERY = Duration.ofHours(5);

  private final Snapshots snapshots;
  private final ControlLink link;
  private Optional<DsseEnvelope> published = Optional.empty();
  private long publishedNanos;
  private int publishedOn;
  private Optional<Loop> loop = Optional.empty();

  SnapshotPublisher(Snapshots snapshots, ControlLink link) {
    this.snapshots = snapshots;
    this.link = link;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Optional.of(Loop.every("snapshot", LOOK_EVERY, this::publish));
  }

  @PreDestroy
  void end() {
    loop.ifPresent(Loop::close);
  }

  private void publish() {
    DsseEnvelope newest = snapshots.current();
    int connection = link.connectionsEnded();
    // Another connection may be to a broker that was started anew.
    boolean known =
        published.isPresent() && published.get().equals(newest) && publishedOn == connection;
    if (!link.isListening()
        || (known && System.nanoTime() - publishedNanos < REPEAT_EVERY.toNanos())) {
      return;
    }
    try {
      link.publish(Topics.controlState(TENANT), SignedMessage.of(newest), true).join();
      published = Optional.of(newest);
      publishedNanos = System.nanoTime();
      publishedOn = connection;
    } catch (CompletionException e) {
      log.atWarn()
          .addKeyValue("cause", String.valueOf(e.getMessage()))
          .log("snapshot not published, trying again");
    }
  }
}
