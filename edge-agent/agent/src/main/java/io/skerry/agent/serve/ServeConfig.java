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
 * @param messageBytesMax largest request, in bytes
 * @param requestBytesMax all requests that are in memory at a time, in bytes
 * @param aheadBytesMax what streams may send ahead of their answers, in bytes: a window of 1 MiB
 *     for each
 * @param answerBytesMax answers that wait for their clients to take them, in bytes; a few more wait
 *     when calls that run then are answered
 * @param connectionsMax open connections of one address
 * @param callsPerConnectionMax calls of one connection that may be open at once
 * @param drain how long open calls may take when the agent stops
 * @param queue how many calls run and wait
 * @param sharedMemory which memory clients may share; none when empty
 * @param traces which calls are traced, for whom; none when empty
 */
public record ServeConfig(
    List<Listener> listeners,
    int messageBytesMax,
    long requestBytesMax,
    long aheadBytesMax,
    long answerBytesMax,
    int connectionsMax,
    int callsPerConnectionMax,
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

  /**
   * The largest request unless told otherwise: 64 MiB, or what half the heap has room for if less.
   */
  public static int messageBytes() {
    return (int) Math.min(64 << 20, RequestBudget.largestRequest(RequestBudget.ofHeap()));
  }

  /**
   * Half the heap for requests, a quarter of direct memory for what comes ahead and half of it for
   * answers, 512 connections with 128 calls each, 10 s, no shared memory, no traces.
   */
  public static ServeConfig at(List<Listener> listeners) {
    return new ServeConfig(
        listeners,
        messageBytes(),
        RequestBudget.ofHeap(),
        RequestBudget.ofDirectMemory(),
        2 * RequestBudget.ofDirectMemory(),
        512,
        128,
        Duration.ofSeconds(10),
        QueueConfig.defaults(),
        Optional.empty(),
        Optional.empty());
  }

  /** The same with another largest request. */
  public ServeConfig withMessageBytesMax(int bytes) {
    return new ServeConfig(
        listeners,
        bytes,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        queue,
        sharedMemory,
        traces);
  }

  /** The same with another bound on all requests in memory. */
  public ServeConfig withRequestBytesMax(long bytes) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        bytes,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        queue,
        sharedMemory,
        traces);
  }

  /** The same with other bounds on what waits outside the heap. */
  public ServeConfig withWaitingBytesMax(long ahead, long answers) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        requestBytesMax,
        ahead,
        answers,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        queue,
        sharedMemory,
        traces);
  }

  /** The same with another bound on connections. */
  public ServeConfig withConnectionsMax(int connections) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connections,
        callsPerConnectionMax,
        drain,
        queue,
        sharedMemory,
        traces);
  }

  /** The same with other bounds on calls that run and wait. */
  public ServeConfig withQueue(QueueConfig bounds) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        bounds,
        sharedMemory,
        traces);
  }

  /** The same with memory that clients may share. */
  public ServeConfig withSharedMemory(Optional<SharedMemoryConfig> memory) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        queue,
        memory,
        traces);
  }

  /** The same with traces of calls. */
  public ServeConfig withTraces(Optional<TraceConfig> tracing) {
    return new ServeConfig(
        listeners,
        messageBytesMax,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax,
        drain,
        queue,
        sharedMemory,
        tracing);
  }
}
