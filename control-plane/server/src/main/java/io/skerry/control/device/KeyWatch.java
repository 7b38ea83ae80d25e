package io.skerry.control.device;

import io.micronaut.context.event.ApplicationEventPublisher;
import io.micronaut.runtime.event.annotation.EventListener;
import io.skerry.control.host.Loop;
import io.skerry.control.host.ServerReady;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.time.Duration;
import java.util.Optional;

/** Looks whether somebody rotated keys, and has everything signed anew by them. */
@Singleton
final class KeyWatch {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(5);

  private final SigningKeys keys;
  private final DesiredOutbox outbox;
  private final ApplicationEventPublisher<RootsChanged> changed;
  private Optional<Loop> loop = Optional.empty();
  private boolean telling;

  KeyWatch(
      SigningKeys keys, DesiredOutbox outbox, ApplicationEventPublisher<RootsChanged> changed) {
    this.keys = keys;
    this.outbox = outbox;
    this.changed = changed;
  }

  @EventListener
  void start(ServerReady ready) {
    loop = Optional.of(Loop.every("signing-keys", LOOK_EVERY, this::look));
  }

  @PreDestroy
  void end() {
    loop.ifPresent(Loop::close);
  }

  void look() {
    telling |= keys.reread();
    if (telling) {
      // What fails here is done again at the next look: the keys have changed for good.
      outbox.queueAll();
      changed.publishEvent(new RootsChanged(keys.trust().root().version()));
      telling = false;
    }
  }
}
