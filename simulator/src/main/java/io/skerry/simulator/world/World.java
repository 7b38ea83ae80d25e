package io.skerry.simulator.world;

import java.time.Instant;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * Time, order and chance of a simulation: what is due first happens first, at equal times in the
 * order in which it was asked for. Nothing waits, nothing sleeps.
 */
public final class World {
  /** When every simulation begins, a Monday. */
  public static final long BEGIN = Instant.parse("2026-01-05T00:00:00Z").toEpochMilli();

  public static final long SECOND = 1000;
  public static final long MINUTE = 60 * SECOND;
  public static final long HOUR = 60 * MINUTE;
  public static final long DAY = 24 * HOUR;

  private final PriorityQueue<Event> queue = new PriorityQueue<>();
  private final SplittableRandom random;
  private final Trace trace;
  private long now = BEGIN;
  private long scheduled;
  private long happened;

  private static final class Event implements Comparable<Event> {
    private final long at;
    private final long order;
    private final Runnable task;

    Event(long at, long order, Runnable task) {
      this.at = at;
      this.order = order;
      this.task = task;
    }

    @Override
    public int compareTo(Event other) {
      return at != other.at ? Long.compare(at, other.at) : Long.compare(order, other.order);
    }
  }

  /** A world in which nothing is going to happen yet. */
  public World(long seed, Trace trace) {
    this.random = new SplittableRandom(seed);
    this.trace = trace;
  }

  /** Milliseconds since 1970. */
  public long now() {
    return now;
  }

  /** The same. */
  public Instant instant() {
    return Instant.ofEpochMilli(now);
  }

  /** What happened. */
  Trace trace() {
    return trace;
  }

  /** A source of chance of its own, so that one part's draws do not move another's. */
  SplittableRandom split() {
    return random.split();
  }

  /** Lets something happen at a time; at once when that is over. */
  public void at(long millis, Runnable task) {
    queue.add(new Event(Math.max(now, millis), scheduled++, task));
  }

  /** Lets something happen after a while. */
  public void after(long millis, Runnable task) {
    at(now + Math.max(0, millis), task);
  }

  /** Lets everything happen that is due until then. */
  public void runUntil(long millis) {
    for (Event next = queue.peek(); next != null && next.at <= millis; next = queue.peek()) {
      queue.poll();
      now = next.at;
      happened++;
      next.task.run();
    }
    now = Math.max(now, millis);
  }

  /** Events so far. */
  public long happened() {
    return happened;
  }
}
