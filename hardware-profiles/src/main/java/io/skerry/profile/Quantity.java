package io.skerry.profile;

import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A whole number with its unit, as profiles write memory and time. */
final class Quantity {
  static final Quantity BYTES =
      new Quantity(Map.of("KiB", 1L << 10, "MiB", 1L << 20, "GiB", 1L << 30), "64 MiB");
  static final Quantity MICROS =
      new Quantity(Map.of("us", 1L, "ms", 1_000L, "s", 1_000_000L), "5 ms");

  private static final Pattern PATTERN = Pattern.compile("([1-9][0-9]{0,8}) ?([A-Za-z]+)");

  private final Map<String, Long> units;
  private final String example;

  private Quantity(Map<String, Long> units, String example) {
    this.units = units;
    this.example = example;
  }

  OptionalLong parse(String text) {
    Matcher matcher = PATTERN.matcher(text);
    if (!matcher.matches()) {
      return OptionalLong.empty();
    }
    Long unit = units.get(matcher.group(2));
    return unit == null
        ? OptionalLong.empty()
        : OptionalLong.of(Math.multiplyExact(Long.parseLong(matcher.group(1)), unit));
  }

  String example() {
    return example;
  }

  static Duration duration(long micros) {
    return Duration.of(micros, ChronoUnit.MICROS);
  }
}
