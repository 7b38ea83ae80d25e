package io.skerry.agent.serve;

import io.skerry.agent.serve.memory.SharedMemoryConfig;
import io.skerry.agent.trace.TraceConfig;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How the agent listens.
 *
 * @param listeners at least one, each on an address of its own
 * @param bounds what clients may take
 * @param drain how long open calls may take when the agent stops
 * @param queue how many calls run and wait
 * @param sharedMemory which memory clients may share; none when empty
 * @param traces which calls are traced, for whom; none when empty
 */
public record ServeConfig(
    List<Listener> listeners,
    ServeBounds bounds,
    Duration drain,
    QueueConfig queue,
    Optional<SharedMemoryConfig> sharedMemory,
    Optional<TraceConfig> traces) {
  /**
   * Copies.
   *
   * @throws IllegalArgumentException if there is no listener, or an address comes twice
   */
  public ServeConfig {
    Listener.requireDistinct(listeners);
    listeners = List.copyOf(listeners);
  }

  /** One address without a name, else as {@link #at(List)}. */
  public static ServeConfig at(ListenAddress listen) {
    return at(List.of(Listener.of(listen)));
  }

  /** The usual bounds and queue, 10 s, no shared memory, no traces. */
  public static ServeConfig at(List<Listener> listeners) {
    return new ServeConfig(
        listeners,
        ServeBounds.defaults(),
        Duration.ofSeconds(10),
        QueueConfig.defaults(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same with other bounds on what clients may take. */
  public ServeConfig withBounds(ServeBounds others) {
    return new ServeConfig(listeners, others, drain, queue, sharedMemory, traces);
  }

  /** The same with other bounds on calls that run and wait. */
  public ServeConfig withQueue(QueueConfig others) {
    return new ServeConfig(listeners, bounds, drain, others, sharedMemory, traces);
  }

  /** The same with memory that clients may share. */
  public ServeConfig withSharedMemory(Optional<SharedMemoryConfig> memory) {
    return new ServeConfig(listeners, bounds, drain, queue, memory, traces);
  }

  /** The same with traces of calls. */
  public ServeConfig withTraces(Optional<TraceConfig> tracing) {
    return new ServeConfig(listeners, bounds, drain, queue, sharedMemory, tracing);
  }
}
