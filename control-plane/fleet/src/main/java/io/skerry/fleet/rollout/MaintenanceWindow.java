package io.skerry.fleet.rollout;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A time of the week in which devices may be given orders.
 *
 * @param days on which it begins
 * @param from when it begins, in the zone's clock time
 * @param length above 0 and at most 24 hours
 */
public record MaintenanceWindow(
    List<DayOfWeek> days, LocalTime from, Duration length, ZoneId zone) {
  private static final Duration LENGTH_MAX = Duration.ofHours(24);
  private static final int DAYS_OF_WEEK = 7;

  /**
   * Checks the ranges.
   *
   * @throws InvalidFieldException if a range is left
   */
  public MaintenanceWindow {
    Set<DayOfWeek> sorted = days.isEmpty() ? Set.of() : EnumSet.copyOf(days);
    days = List.copyOf(sorted);
    if (days.isEmpty()) {
      throw new InvalidFieldException("windows.days", "name at least one day of the week");
    }
    if (length.isNegative() || length.isZero() || length.compareTo(LENGTH_MAX) > 0) {
      throw new InvalidFieldException(
          "windows.length", "%s must be above 0 and at most 24h".formatted(length));
    }
  }

  /** Whether it is open. */
  public boolean isOpen(Instant now) {
    LocalDate today = now.atZone(zone).toLocalDate();
    return openedOn(today, now) || openedOn(today.minusDays(1), now);
  }

  private boolean openedOn(LocalDate day, Instant now) {
    Optional<Instant> start = start(day);
    return start.isPresent()
        && !now.isBefore(start.get())
        && now.isBefore(start.get().plus(length));
  }

  private Optional<Instant> start(LocalDate day) {
    return days.contains(day.getDayOfWeek())
        ? Optional.of(ZonedDateTime.of(day, from, zone).toInstant())
        : Optional.empty();
  }

  /** When it opens next; now if it is open. */
  public Instant next(Instant now) {
    if (isOpen(now)) {
      return now;
    }
    LocalDate today = now.atZone(zone).toLocalDate();
    for (int day = 0; day <= DAYS_OF_WEEK; day++) {
      Optional<Instant> start = start(today.plusDays(day));
      if (start.isPresent() && !start.get().isBefore(now)) {
        return start.get();
      }
    }
    throw new IllegalStateException("a window of no day: " + this);
  }
}
