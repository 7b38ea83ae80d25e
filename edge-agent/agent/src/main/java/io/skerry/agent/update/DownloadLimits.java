package io.skerry.agent.update;

import java.time.Duration;

/**
 * What a download may cost.
 *
 * @param answer how long a server may take to begin its answer
 * @param progressEvery after each of these at least {@code progressBytes} must have come, else the
 *     attempt is ended
 * @param sizeFactor an order never fetches more than so many times its size, over all attempts:
 *     links may be metered
 * @param reserveBytes disk that stays free
 * @param badChunksMax chunks of one attempt that may be fetched once more
 */
record DownloadLimits(
    Duration answer,
    Duration progressEvery,
    long progressBytes,
    int sizeFactor,
    long reserveBytes,
    int badChunksMax) {
  static final DownloadLimits DEFAULTS =
      new DownloadLimits(Duration.ofSeconds(30), Duration.ofMinutes(1), 64 << 10, 3, 32L << 20, 2);
}
