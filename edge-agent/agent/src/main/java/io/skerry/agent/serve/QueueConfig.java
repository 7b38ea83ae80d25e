package io.skerry.agent.serve;

/**
 * How many calls run, and how many wait.
 *
 * @param runsMax calls that run at the same time, and one short one more beside that many long ones
 * @param waitingMax calls that wait beyond them
 * @param waitingBytesMax bytes of the waiting calls' requests
 * @param shares in how many parts the queue is divided; an application may fill one, and so none
 *     can fill it for all
 */
public record QueueConfig(int runsMax, int waitingMax, long waitingBytesMax, int shares) {
  /** The same for one application. */
  public QueueConfig(int runsMax, int waitingMax, long waitingBytesMax) {
    this(runsMax, waitingMax, waitingBytesMax, 1);
  }

  /** The same for requests that may have so many bytes together: no more of them can wait. */
  QueueConfig within(long bytesMax) {
    return new QueueConfig(runsMax, waitingMax, Math.min(waitingBytesMax, bytesMax), shares);
  }

  /** The same divided in so many parts. */
  QueueConfig dividedBy(int parts) {
    return new QueueConfig(runsMax, waitingMax, waitingBytesMax, parts);
  }

  /** Calls of one application that may wait. */
  int shareMax() {
    return Math.max(1, waitingMax / shares);
  }

  /** Bytes of one application's waiting calls. */
  long shareBytesMax() {
    return waitingBytesMax / shares;
  }

  /** Twice as many runs as cores; 1,024 calls of together 128 MiB wait. */
  public static QueueConfig defaults() {
    return new QueueConfig(2 * Runtime.getRuntime().availableProcessors(), 1_024, 128L << 20);
  }
}
