package io.skerry.agent.serve;

import io.skerry.agent.serve.memory.SharedMemory;
import io.skerry.agent.serve.memory.SharedMemoryConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToIntFunction;

/** The applications that an agent's listeners tell apart. Thread-safe. */
public final class Applications implements AutoCloseable {
  private final Application unnamed;
  private final Map<String, Application> named = new TreeMap<>();
  private final Map<String, Application.Counters> counters = new TreeMap<>();

  Applications(List<Listener> listeners, Optional<SharedMemoryConfig> memory) {
    Set<String> names = names(listeners);
    for (String name : names) {
      named.put(name, make(name, memory.map(shared -> shared.of(name))));
    }
    this.unnamed = make(Application.UNNAMED, memory.map(shared -> shared.beside(names)));
  }

  /** How many parts the queue of these listeners' calls has: one for each application. */
  static int shares(List<Listener> listeners) {
    int names = names(listeners).size();
    return names == 0 ? 1 : names + 1;
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
    return new Application(name, new SharedMemory(memory), counted);
  }

  /** Whoever comes by an address without a name. */
  public Application unnamed() {
    return unnamed;
  }

  /** The application of a listener. */
  Application of(Listener listener) {
    return named.getOrDefault(listener.application(), unnamed);
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
