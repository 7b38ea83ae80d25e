package io.skerry.control.ca;

import java.time.Duration;

/**
 * How certificates are issued.
 *
 * @param certificateLifetime how long a device's certificate is valid, 1 minute to 825 days;
 *     devices renew it at two thirds
 */
public record CaConfig(Duration certificateLifetime) {
  private static final Duration SHORTEST = Duration.ofMinutes(1);
  private static final Duration LONGEST = Duration.ofDays(825);

  public static final CaConfig DEFAULTS = new CaConfig(Duration.ofDays(30));

  public CaConfig {
    if (certificateLifetime.compareTo(SHORTEST) < 0 || certificateLifetime.compareTo(LONGEST) > 0) {
      throw new IllegalArgumentException(
          "certificate-lifetime is %s: must be 1m to 825d".formatted(certificateLifetime));
    }
  }
}
