package io.skerry.agent.identity;

import io.skerry.agent.time.DeviceClock;
import io.skerry.artifact.sign.SignatureInvalidException;
import io.skerry.artifact.trust.Trust;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the control plane what time it is when the device's own clock makes certificates look wrong,
 * over TLS that checks everything but dates: the answer is signed, and no other question is asked
 * that way.
 */
final class ClockCare {
  private static final Logger log = LoggerFactory.getLogger(ClockCare.class);

  static final Duration WAIT_FIRST = Duration.ofSeconds(5);
  static final Duration WAIT_MAX = Duration.ofHours(1);

  private final DeviceClock clock;
  private final PinnedTrust trust;
  private final Executor executor;
  private final LongSupplier nanos;
  private final AtomicBoolean refused = new AtomicBoolean();
  private Duration wait = WAIT_FIRST;
  private Optional<Long> notBeforeNanos = Optional.empty();

  ClockCare(DeviceClock clock, PinnedTrust trust, Executor executor, LongSupplier nanos) {
    this.clock = clock;
    this.trust = trust.ignoringDates();
    this.executor = executor;
    this.nanos = nanos;
  }

  /** A certificate was refused for its dates only. */
  void datesRefused() {
    refused.set(true);
  }

  /**
   * Asks when there is a reason, and not too often. Blocks.
   *
   * @param ownCertificateLooksWrong by its dates
   */
  synchronized void tick(URI controlBase, Supplier<Trust> root, boolean ownCertificateLooksWrong)
      throws InterruptedException {
    if (!refused.get() && !clock.isDoubtful() && !ownCertificateLooksWrong) {
      wait = WAIT_FIRST;
      notBeforeNanos = Optional.empty();
      return;
    }
    long now = nanos.getAsLong();
    if (notBeforeNanos.isPresent() && now - notBeforeNanos.get() < 0) {
      return;
    }
    try (HttpClient http =
        ControlPort.client(ControlPort.context(trust, Optional.empty()), executor)) {
      ask(clock, new ControlPort(http, controlBase), root.get());
      refused.set(false);
      // A certificate that has really run out is no reason to ask every few seconds.
      wait = WAIT_MAX;
    } catch (IOException | SignatureInvalidException e) {
      log.atDebug().setCause(e).log("no signed time");
    }
    notBeforeNanos = Optional.of(nanos.getAsLong() + wait.toNanos());
    wait = wait.multipliedBy(2).compareTo(WAIT_MAX) < 0 ? wait.multipliedBy(2) : WAIT_MAX;
  }

  /** Puts the clock right by the control plane's signed answer. */
  static void ask(DeviceClock clock, ControlPort port, Trust root)
      throws IOException, InterruptedException {
    clock.ask(nonce -> answer(port, nonce), root);
  }

  private static byte[] answer(ControlPort port, String nonce)
      throws IOException, InterruptedException {
    try {
      return port.get("/v1/time?nonce=" + nonce)
          .orElseThrow(() -> new IOException("the control plane tells no time"));
    } catch (RefusedException e) {
      throw new IOException("the control plane tells no time: " + e.getMessage(), e);
    }
  }
}
