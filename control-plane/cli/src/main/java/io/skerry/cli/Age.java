package io.skerry.cli;

import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** How long ago a moment was, in its largest unit. */
final class Age {
  private Age() {}

  static String of(String moment) {
    try {
      return of(Duration.between(Instant.parse(moment), Instant.now()));
    } catch (DateTimeParseException e) {
      return "-";
    }
  }

  static String of(Duration age) {
    long seconds = Math.max(0, age.toSeconds());
    if (seconds < 120) {
      return seconds + "s";
    }
    if (seconds < 2 * 3_600) {
      return seconds / 60 + "m";
    }
    return seconds < 2 * 86_400 ? seconds / 3_600 + "h" : seconds / 86_400 + "d";
  }
}
