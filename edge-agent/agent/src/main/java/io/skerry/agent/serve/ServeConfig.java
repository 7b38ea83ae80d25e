package io.skerry.agent.serve;

import io.skerry.agent.serve.memory.SharedMemoryConfig;
import java.time.Duration;
import java.util.Optional;

/**
 * How the agent listens.
 *
 * @param messageBytesMax largest request, in bytes
 * @param callsPerConnectionMax calls of one connection that may be open at once
 * @param drain how long open calls may take when the agent stops
 * @param queue how many calls run and wait
 * @param sharedMemory which memory clients may share; none when empty
 */
public record ServeConfig(
    ListenAddress listen,
    int messageBytesMax,
    int callsPerConnectionMax,
    Duration drain,
    QueueConfig queue,
    Optional<SharedMemoryConfig> sharedMemory) {
  /** 64 MiB, 128 calls, 10 s, no shared memory. */
  public static ServeConfig at(ListenAddress listen) {
    return new ServeConfig(
        listen, 64 << 20, 128, Duration.ofSeconds(10), QueueConfig.defaults(), Optional.empty());
  }

  /** The same with another largest request. */
  public ServeConfig withMessageBytesMax(int bytes) {
    return new ServeConfig(listen, bytes, callsPerConnectionMax, drain, queue, sharedMemory);
  }

  /** The same with other bounds on calls that run and wait. */
  public ServeConfig withQueue(QueueConfig bounds) {
    return new ServeConfig(
        listen, messageBytesMax, callsPerConnectionMax, drain, bounds, sharedMemory);
  }

  /** The same with memory that clients may share. */
  public ServeConfig withSharedMemory(Optional<SharedMemoryConfig> memory) {
    return new ServeConfig(listen, messageBytesMax, callsPerConnectionMax, drain, queue, memory);
  }
}
