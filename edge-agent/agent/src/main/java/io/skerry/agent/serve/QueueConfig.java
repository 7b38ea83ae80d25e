package io.skerry.agent.serve;

/**
 * How many calls run, and how many wait.
 *
 * @param runsMax calls that run at the same time
 * @param waitingMax calls that wait beyond them
 * @param waitingBytesMax bytes of the waiting calls' requests
 */
public record QueueConfig(int runsMax, int waitingMax, long waitingBytesMax) {
  /** Twice as many runs as cores; 1,024 calls of together 128 MiB wait. */
  public static QueueConfig defaults() {
    return new QueueConfig(2 * Runtime.getRuntime().availableProcessors(), 1_024, 128L << 20);
  }
}
