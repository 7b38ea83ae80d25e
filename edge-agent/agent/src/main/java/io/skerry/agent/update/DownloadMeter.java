package io.skerry.agent.update;

import io.skerry.protocol.ErrorCode;
import java.util.function.BooleanSupplier;

/** Counts what one download fetches, and ends it when it is no longer wanted or costs too much. */
final class DownloadMeter {
  // How many bytes may be fetched without being told: a crash forgets no more than that.
  private static final long TELL_EVERY = 16L << 20;

  private final Listener listener;
  private final BooleanSupplier cancelled;
  private long received;
  private long budget;
  private long untold;
  private long untoldKept;

  /** Is told what was fetched. */
  interface Listener {
    /** So many more bytes came, and so many of them were checked and stay. */
    void received(long bytes, long kept);
  }

  /**
   * @param received bytes of earlier attempts
   * @param budget bytes of all attempts together
   */
  DownloadMeter(long received, long budget, Listener listener, BooleanSupplier cancelled) {
    this.received = received;
    this.budget = budget;
    this.listener = listener;
    this.cancelled = cancelled;
  }

  /** Sets what all attempts together may fetch, once it is known. */
  void allow(long bytes) {
    budget = bytes;
  }

  void count(int bytes) throws UpdateException {
    received += bytes;
    untold += bytes;
    if (cancelled.getAsBoolean()) {
      throw new UpdateException(ErrorCode.SUPERSEDED, "the download is no longer wanted");
    }
    if (received > budget) {
      throw new UpdateException(
          ErrorCode.DOWNLOAD_BUDGET_SPENT,
          "%d bytes fetched, no more than %d are allowed for this order"
              .formatted(received, budget));
    }
    if (untold >= TELL_EVERY) {
      tell();
    }
  }

  void keep(long bytes) {
    untoldKept += bytes;
  }

  /** Tells what was not told yet. */
  void tell() {
    if (untold > 0) {
      listener.received(untold, untoldKept);
      untold = 0;
      untoldKept = 0;
    }
  }
}
