package io.skerry.control.link;

/**
 * How much one device may send. What is over is refused and may be sent again later; a device that
 * goes on all the same is cut. The bursts let a spool of some weeks through at full speed.
 *
 * @param messagesPerSecond messages in the long run, from 1
 * @param messagesBurst messages at once after a pause, from 1
 * @param bytesPerSecond payload bytes in the long run, from 1
 * @param bytesBurst payload bytes at once after a pause, from the largest message
 * @param refusalsBurst refused messages before the connection is cut, from 1; one is forgotten
 *     every 100 ms
 * @param connectsPerMinute connects in the long run, from 1
 * @param connectsBurst connects at once after a pause, from 1
 */
public record DeviceLimits(
    int messagesPerSecond,
    int messagesBurst,
    int bytesPerSecond,
    int bytesBurst,
    int refusalsBurst,
    int connectsPerMinute,
    int connectsBurst) {
  public static final DeviceLimits DEFAULTS =
      new DeviceLimits(500, 5000, 8_000_000, 256_000_000, 1000, 60, 60);

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException if a value is outside its range
   */
  public DeviceLimits {
    atLeast(1, "messages-per-second", messagesPerSecond);
    atLeast(1, "messages-burst", messagesBurst);
    atLeast(1, "bytes-per-second", bytesPerSecond);
    atLeast(DeviceRules.RECORDS_BYTES_MAX, "bytes-burst", bytesBurst);
    atLeast(1, "refusals-burst", refusalsBurst);
    atLeast(1, "connects-per-minute", connectsPerMinute);
    atLeast(1, "connects-burst", connectsBurst);
  }

  private static void atLeast(int least, String key, int value) {
    if (value < least) {
      throw new IllegalArgumentException("%s is %d: must be from %d".formatted(key, value, least));
    }
  }
}
