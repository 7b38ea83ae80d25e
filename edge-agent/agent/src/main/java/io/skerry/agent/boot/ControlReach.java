package io.skerry.agent.boot;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the control plane itself is reached. A broker answers pings and keeps retained messages
 * for ever, so a link that is up proves nothing. What proves it is an answer that only a running
 * control plane can give: that it stored records, or the signed time for this device's question.
 *
 * <p>When there was no such answer for {@link #PROOF_LASTS}, and somebody needs to know, the time
 * is asked for over HTTPS, once in {@link #ASK_EVERY} at most. An answer from before a switch of
 * models says nothing about the device after it. Thread-safe; does not block.
 */
final class ControlReach {
  static final Duration PROOF_LASTS = Duration.ofMinutes(1);
  static final Duration ASK_EVERY = Duration.ofSeconds(10);

  private static final Logger log = LoggerFactory.getLogger(ControlReach.class);

  private final Question question;
  private final Executor executor;
  private final LongSupplier nanos;
  private Optional<Instant> stored = Optional.empty();
  private long switches;
  private Optional<Long> proofNanos = Optional.empty();
  private Optional<Long> askedNanos = Optional.empty();
  private boolean asking;

  /** Asks the control plane something that it must answer itself. */
  interface Question {
    /** Returns when it did. */
    void ask() throws IOException, InterruptedException;
  }

  /**
   * What is known of the device now.
   *
   * @param linkUp whether the broker is connected
   * @param storedAt when the control plane last told that it stored records
   * @param switches how often a model was switched in or out
   * @param needed whether somebody waits for the control plane
   */
  record Now(boolean linkUp, Optional<Instant> storedAt, long switches, boolean needed) {}

  ControlReach(Question question, Executor executor, LongSupplier nanos) {
    this.question = question;
    this.executor = executor;
    this.nanos = nanos;
  }

  /** Whether it is reached; asks when that is not known. */
  synchronized boolean isReached(Now now) {
    long at = nanos.getAsLong();
    if (now.switches() != switches) {
      switches = now.switches();
      stored = now.storedAt();
      proofNanos = Optional.empty();
      askedNanos = Optional.empty();
    }
    if (!now.storedAt().equals(stored)) {
      stored = now.storedAt();
      proofNanos = Optional.of(at);
    }
    boolean proven = isWithin(proofNanos, PROOF_LASTS, at);
    if (!proven
        && now.linkUp()
        && now.needed()
        && !asking
        && !isWithin(askedNanos, ASK_EVERY, at)) {
      asking = true;
      askedNanos = Optional.of(at);
      long askedAfter = switches;
      executor.execute(() -> ask(askedAfter));
    }
    return proven && now.linkUp();
  }

  private static boolean isWithin(Optional<Long> then, Duration time, long now) {
    return then.filter(nanos -> now - nanos < time.toNanos()).isPresent();
  }

  private void ask(long askedAfter) {
    boolean answered = false;
    try {
      question.ask();
      answered = true;
    } catch (IOException | RuntimeException e) {
      log.atDebug().setCause(e).log("the control plane does not answer");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      answered(askedAfter, answered);
    }
  }

  private synchronized void answered(long askedAfter, boolean answered) {
    asking = false;
    if (answered && askedAfter == switches) {
      proofNanos = Optional.of(nanos.getAsLong());
    }
  }
}
