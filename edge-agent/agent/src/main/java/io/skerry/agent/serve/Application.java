package io.skerry.agent.serve;

import io.skerry.agent.model.PredictException;
import io.skerry.agent.serve.memory.SharedMemory;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.regex.Pattern;

/**
 * Who calls, known by the socket or the certificate that it came by.
 *
 * <p>Applications share models and nothing else: each has shared memory of its own, its own part of
 * the queue, and its own counters. Thread-safe.
 */
public final class Application {
  /** The name of whoever comes by an address without one. */
  public static final String UNNAMED = "";

  // No dot: keys of shared memory have one after the name.
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,62}");

  private static final Pattern CERTIFICATE_NAME =
      Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

  /** Counts of calls; written by every one, so nothing here waits. */
  static final class Counters {
    private final LongAdder answered = new LongAdder();
    private final LongAdder invalid = new LongAdder();
    private final LongAdder rejected = new LongAdder();
    private final LongAdder cancelled = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final AtomicLong untaken = new AtomicLong();

    private LongAdder of(PredictException why) {
      return switch (why.code()) {
        case INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, UNIMPLEMENTED -> invalid;
        case UNAVAILABLE, RESOURCE_EXHAUSTED -> rejected;
        case CANCELLED, DEADLINE_EXCEEDED -> cancelled;
        case INTERNAL -> failed;
      };
    }

    ApplicationStatistics read(String name, int waiting) {
      return new ApplicationStatistics(
          name,
          answered.sum(),
          invalid.sum(),
          rejected.sum(),
          cancelled.sum(),
          failed.sum(),
          waiting);
    }
  }

  private final String name;
  private final String account;
  private final SharedMemory memory;
  private final Counters counters;

  Application(String name, String account, SharedMemory memory, Counters counters) {
    this.name = name;
    this.account = account;
    this.memory = memory;
    this.counters = counters;
  }

  /** Whether this can be the name of an application. */
  static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  /** Whether a certificate's common name can be the name of an application. */
  static boolean isCertificateName(String text) {
    return CERTIFICATE_NAME.matcher(text).matches();
  }

  /** Its name; {@link #UNNAMED} for whoever comes by an address without one. */
  public String name() {
    return name;
  }

  /** Under which name it is counted and waits: its own, unless there are too many. */
  String account() {
    return account;
  }

  /** Regions that it has registered. */
  public SharedMemory memory() {
    return memory;
  }

  /** Leaves so many bytes of answers to be taken; fewer than 0 were taken. */
  public void leave(long bytes) {
    counters.untaken.addAndGet(bytes);
  }

  /** Bytes of answers that wait for whoever called. */
  long untaken() {
    return counters.untaken.get();
  }

  void countAnswered() {
    counters.answered.increment();
  }

  void count(PredictException why) {
    counters.of(why).increment();
  }
}
