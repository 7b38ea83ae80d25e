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
 * small ones, nor an application's own. Thread-safe.
 */
public final class RequestBudget {
  private static final int SMALL_BYTES_MAX = 64 << 10;
  private static final int RESERVE_PARTS = 16;

  private final long bytesMax;
  private final int shares;
  private final Map<String, Taken> taken = new HashMap<>();
  private long bytes;

  /** What an application has, and what of it is in small requests. */
  private static final class Taken {
    private long bytes;
    private long small;
  }

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

  /** So many parts of a JVM's direct memory, in which requests take room, too. */
  static long ofDirectMemory(int parts) {
    return PlatformDependent.maxDirectMemory() / parts;
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
    if (more == 0) {
      return true;
    }
    Taken own = taken.getOrDefault(account, new Taken());
    boolean isSmall = held + more < SMALL_BYTES_MAX;
    boolean fits =
        own.bytes == held
            || own.bytes + more <= bytesMax / shares
            || (isSmall && own.small + more <= bytesMax / RESERVE_PARTS);
    if (!fits || bytes + more > (isSmall ? bytesMax : largestRequest(bytesMax))) {
      return false;
    }
    own.bytes += more;
    own.small += isSmall ? more : -small(held);
    bytes += more;
    taken.put(account, own);
    return true;
  }

  // Of a request that has so many bytes.
  private static long small(long held) {
    return held < SMALL_BYTES_MAX ? held : 0;
  }

  /** Gives back all that one request has taken. */
  public synchronized void give(Application application, long held) {
    bytes -= held;
    taken.computeIfPresent(
        application.account(),
        (account, own) -> {
          own.bytes -= held;
          own.small -= small(held);
          return own.bytes == 0 ? null : own;
        });
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
