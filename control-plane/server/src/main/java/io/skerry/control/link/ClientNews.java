package io.skerry.control.link;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes into the log what clients do that they may not: a few lines a minute of each, and not many
 * of all together, whatever they send. What was left out is counted in the next line. Thread-safe.
 */
final class ClientNews {
  static final Duration WINDOW = Duration.ofMinutes(1);

  /** Lines of one client in a window. */
  static final int LINES_MAX = 5;

  /** Lines in a window: client ids cost nothing to whoever makes them up. */
  static final int LINES_OF_ALL_MAX = 200;

  /** Clients that are remembered; the one that was told of longest ago is forgotten first. */
  static final int CLIENTS_MAX = 10_000;

  private static final Logger log = LoggerFactory.getLogger(ClientNews.class);

  private final LongSupplier nanos;
  private final Map<String, Told> clients = new LinkedHashMap<>(16, 0.75f, true);
  private final Told all = new Told();

  private static final class Told {
    private long since;
    private int lines;
    private long leftOut;
  }

  ClientNews(LongSupplier nanos) {
    this.nanos = nanos;
  }

  /** Tells, or counts. */
  void tell(String client, String reason, String what) {
    OptionalLong leftOut = mayTell(client);
    if (leftOut.isPresent()) {
      log.atWarn()
          .addKeyValue("client", client)
          .addKeyValue("reason", reason)
          .addKeyValue("leftOut", leftOut.getAsLong())
          .log(what);
    }
  }

  /** How many lines were left out since the last one; empty when this one is left out as well. */
  synchronized OptionalLong mayTell(String client) {
    long now = nanos.getAsLong();
    Told told = clients.computeIfAbsent(client, first -> new Told());
    if (clients.size() > CLIENTS_MAX) {
      clients.remove(clients.keySet().iterator().next());
    }
    if (!takes(told, LINES_MAX, now) || !takes(all, LINES_OF_ALL_MAX, now)) {
      told.leftOut++;
      return OptionalLong.empty();
    }
    long leftOut = told.leftOut;
    told.leftOut = 0;
    return OptionalLong.of(leftOut);
  }

  private static boolean takes(Told told, int linesMax, long now) {
    if (told.lines == 0 || now - told.since >= WINDOW.toNanos()) {
      told.since = now;
      told.lines = 0;
    }
    if (told.lines == linesMax) {
      return false;
    }
    told.lines++;
    return true;
  }
}
