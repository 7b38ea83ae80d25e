package io.skerry.agent.serve;

/**
 * What clients may take of the agent.
 *
 * @param messageBytesMax largest request, in bytes
 * @param requestBytesMax all requests that are in memory at a time, in bytes
 * @param aheadBytesMax what streams may send ahead of their answers, in bytes: a window of 1 MiB
 *     for each
 * @param answerBytesMax answers that wait for their clients to take them, in bytes; a few more wait
 *     when calls that run then are answered
 * @param connectionsMax open connections of one address
 * @param callsPerConnectionMax calls of one connection that may be open at once
 */
public record ServeBounds(
    int messageBytesMax,
    long requestBytesMax,
    long aheadBytesMax,
    long answerBytesMax,
    int connectionsMax,
    int callsPerConnectionMax) {
  private static final int MESSAGE_BYTES_MAX = 64 << 20;
  private static final int CONNECTIONS_MAX = 512;
  private static final int CALLS_MAX = 128;
  private static final int AHEAD_PARTS = 4;
  private static final int ANSWER_PARTS = 3;

  /**
   * What the JVM has room for: half the heap for requests, each of at most 64 MiB; of direct memory
   * a quarter for what comes ahead and a third for answers; 512 connections with 128 calls each.
   */
  public static ServeBounds defaults() {
    long requests = RequestBudget.ofHeap();
    return new ServeBounds(
        (int) Math.min(MESSAGE_BYTES_MAX, RequestBudget.largestRequest(requests)),
        requests,
        RequestBudget.ofDirectMemory(AHEAD_PARTS),
        RequestBudget.ofDirectMemory(ANSWER_PARTS),
        CONNECTIONS_MAX,
        CALLS_MAX);
  }

  /** The same with another largest request. */
  public ServeBounds withMessageBytesMax(int bytes) {
    return new ServeBounds(
        bytes,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax);
  }

  /** The same with another bound on all requests in memory. */
  ServeBounds withRequestBytesMax(long bytes) {
    return new ServeBounds(
        messageBytesMax,
        bytes,
        aheadBytesMax,
        answerBytesMax,
        connectionsMax,
        callsPerConnectionMax);
  }

  /** The same with other bounds on what waits outside the heap. */
  ServeBounds withWaitingBytesMax(long ahead, long answers) {
    return new ServeBounds(
        messageBytesMax, requestBytesMax, ahead, answers, connectionsMax, callsPerConnectionMax);
  }

  /** The same with another bound on connections. */
  ServeBounds withConnectionsMax(int connections) {
    return new ServeBounds(
        messageBytesMax,
        requestBytesMax,
        aheadBytesMax,
        answerBytesMax,
        connections,
        callsPerConnectionMax);
  }
}
