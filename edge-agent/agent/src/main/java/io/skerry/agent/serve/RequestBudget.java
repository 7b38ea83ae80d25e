package io.skerry.agent.serve;

import io.grpc.netty.shaded.io.netty.util.internal.PlatformDependent;
import io.skerry.agent.model.PredictException;
import io.skerry.agent.model.PredictException.Code;
import java.util.HashMap;
import java.util.Map;

/**
 * Bytes of requests that all transports together may have in memory, from their first byte to their
 * answer.
 *
 * <p>An application may take one part of them; one larger request it may have while that is its
 * only one. The last sixteenth is for requests below 64 KiB, so that large ones shut out nobody's
 * small ones. Thread-safe.
 */
public final class RequestBudget {
  private static final int SMALL_BYTES_MAX = 64 << 10;
  private static final int RESERVE_PARTS = 16;

  private final long bytesMax;
  private final int shares;
  private final Map<String, Long> taken = new HashMap<>();
  private long bytes;

  /**
   * A budget of so many bytes.
   *
   * @param shares in how many parts it is divided
   */
  RequestBudget(long bytesMax, int shares) {
    this.bytesMax = bytesMax;
    this.shares = shares;
  }

  /** What a JVM has room for: half its heap, because a request is there as a whole once. */
  static long ofHeap() {
    return Runtime.getRuntime().maxMemory() / 2;
  }

  /**
   * What a JVM has room for in its direct memory beside requests: a quarter. Answers may take two.
   */
  static long ofDirectMemory() {
    return PlatformDependent.maxDirectMemory() / 4;
  }

  /** The largest request that a budget of so many bytes has room for. */
  public static long largestRequest(long bytesMax) {
    return bytesMax - bytesMax / RESERVE_PARTS;
  }

  /**
   * Takes so many bytes more, or none; then that is counted as a call refused.
   *
   * @param held what the same request has taken
   */
  public boolean take(Application application, long held, long more) {
    if (takes(application.account(), held, more)) {
      return true;
    }
    application.count(new PredictException(Code.RESOURCE_EXHAUSTED, "no room for this request"));
    return false;
  }

  private synchronized boolean takes(String account, long held, long more) {
    long own = taken.getOrDefault(account, 0L);
    long room = held + more < SMALL_BYTES_MAX ? bytesMax : largestRequest(bytesMax);
    boolean alone = own == held;
    if (bytes + more > room || (!alone && own + more > bytesMax / shares)) {
      return false;
    }
    taken.put(account, own + more);
    bytes += more;
    return true;
  }

  /** Gives bytes back that were taken. */
  public synchronized void give(Application application, long back) {
    bytes -= back;
    taken.computeIfPresent(
        application.account(), (account, own) -> own == back ? null : Long.valueOf(own - back));
  }

  /** The most there may be. */
  long bytesMax() {
    return bytesMax;
  }

  /** What is taken. */
  public synchronized long bytes() {
    return bytes;
  }
}
