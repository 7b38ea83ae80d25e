package io.skerry.agent.serve;

import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.ToIntFunction;

/** The applications that an agent's listeners tell apart. Thread-safe. */
public final class Applications implements AutoCloseable {
  /** The most names that are told apart in counters and in the queue. */
  static final int NAMES_MAX = 256;

  // No name has parentheses.
  private static final String OTHERS = "(others)";
  private static final int CERTIFICATE_SHARES = 4;

  // No name of a socket has a colon.
  private static final String CERTIFICATE = "cert:";

  private final Application unnamed;
  private final Map<String, Application> named = new TreeMap<>();
  private final Map<String, Application.Counters> counters = new ConcurrentSkipListMap<>();
  private final SharedMemory none = new SharedMemory(Optional.empty());

  Applications(List<Listener> listeners, Optional<SharedMemoryConfig> memory) {
    Set<String> names = names(listeners);
    for (String name : names) {
      named.put(name, make(name, memory.map(shared -> shared.of(name))));
    }
    this.unnamed = make(Application.UNNAMED, memory.map(shared -> shared.beside(names)));
  }

  /**
   * How many parts the queue of these listeners' calls has: one for each name, one for whoever has
   * none, and {@value #CERTIFICATE_SHARES} for however many clients come with certificates.
   */
  static int shares(List<Listener> listeners) {
    int shares = 1 + names(listeners).size();
    return listeners.stream().anyMatch(listener -> listener.tls().isPresent())
        ? shares + CERTIFICATE_SHARES
        : shares;
  }

  private static Set<String> names(List<Listener> listeners) {
    Set<String> names = new TreeSet<>();
    for (Listener listener : listeners) {
      names.add(listener.application());
    }
    names.remove(Application.UNNAMED);
    return names;
  }

  private Application make(String name, Optional<SharedMemoryConfig> memory) {
    Application.Counters counted = new Application.Counters();
    counters.put(name, counted);
    return new Application(name, name, new SharedMemory(memory), counted);
  }

  /** Whoever comes by an address without a name. */
  public Application unnamed() {
    return unnamed;
  }

  /** The application of a listener. */
  Application of(Listener listener) {
    return named.getOrDefault(listener.application(), unnamed);
  }

  /**
   * The application of a client's certificate. It may be on another machine and shares no memory;
   * nor is it whoever has a socket of the same name.
   */
  synchronized Application certified(String commonName) {
    String name = CERTIFICATE + commonName;
    String account = counters.containsKey(name) || counters.size() < NAMES_MAX ? name : OTHERS;
    return new Application(
        name,
        account,
        none,
        counters.computeIfAbsent(account, added -> new Application.Counters()));
  }

  /** What each asked for, ordered by name. */
  List<ApplicationStatistics> statistics(ToIntFunction<String> waiting) {
    return counters.entrySet().stream()
        .map(entry -> entry.getValue().read(entry.getKey(), waiting.applyAsInt(entry.getKey())))
        .toList();
  }

  @Override
  public void close() {
    unnamed.memory().close();
    named.values().forEach(application -> application.memory().close());
  }
}
