package io.skerry.simulator.world;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What happened, as a hash of all of it and, when wanted, the last lines in words. Two runs with
 * equal hashes did the same.
 */
public final class Trace {
  private static final long PRIME = 0x9E3779B97F4A7C15L;

  private final int linesMax;
  private final Deque<String> lines = new ArrayDeque<>();
  private long hash = 1;
  private long entries;
  private boolean broken;

  /** What can happen. */
  enum Kind {
    BOOT,
    STOP,
    CONNECTED,
    DISCONNECTED,
    STORED,
    ORDERED,
    REPORTED,
    STAGE,
    ROLLOUT,
    RUNNING,
    WINDOW,
    INCIDENT,
    FAULT,
    PLANE,
    BROKEN
  }

  /**
   * @param linesMax lines that are kept; 0 keeps the hash only
   */
  public Trace(int linesMax) {
    this.linesMax = linesMax;
  }

  void note(long at, Kind kind, int device, long one, long other) {
    long mixed = at * 31 + kind.name().hashCode();
    mixed = mixed * PRIME + device;
    mixed = mixed * PRIME + one;
    mixed = mixed * PRIME + other;
    hash = (hash ^ mixed ^ (mixed >>> 29)) * PRIME;
    hash ^= hash >>> 32;
    entries++;
    line(at, kind, device, one, other);
  }

  /** What the last thing held, for the hash only. */
  void note(long content) {
    hash = (hash ^ content ^ (content >>> 29)) * PRIME;
    hash ^= hash >>> 32;
  }

  private void line(long at, Kind kind, int device, long one, long other) {
    if (linesMax > 0 && !broken) {
      broken = kind == Kind.BROKEN;
      lines.addLast(
          "%s %-12s %s%d %d"
              .formatted(
                  java.time.Instant.ofEpochMilli(at),
                  kind,
                  device < 0 ? "" : "d" + device + " ",
                  one,
                  other));
      if (lines.size() > linesMax) {
        lines.removeFirst();
      }
    }
  }

  /** The hash of everything. */
  public String hash() {
    return "%016x".formatted(hash);
  }

  /** Things that happened. */
  public long entries() {
    return entries;
  }

  /** The last lines before the first thing that did not hold, or before the end. */
  public List<String> lines() {
    return List.copyOf(lines);
  }
}
