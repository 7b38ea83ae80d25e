package io.skerry.bench.simulation;

import io.skerry.simulator.world.MemoryBroker;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;

/** What is done wrong instead, called by the classes in which it is planted. */
public final class Mistakes {
  private static final Map<Object, Set<String>> SUBSCRIBED = new WeakHashMap<>();

  private Mistakes() {}

  /** Subscribes to a topic the first time only, whoever has forgotten it since. */
  public static void subscribeOnce(
      MemoryBroker.Connection connection, String filter, Object client) {
    if (SUBSCRIBED.computeIfAbsent(client, one -> new HashSet<>()).add(filter)) {
      connection.subscribe(filter);
    }
  }

  /** One more than there is room for. */
  public static long oneMore(long dividend, long divisor) {
    return Math.ceilDiv(dividend, divisor) + 1;
  }
}
