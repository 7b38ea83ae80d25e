package io.skerry.control.alert;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Decides who is told of an alert, and when a delivery is tried again. Pure.
 *
 * <p>Everything here only ever tells less than what was opened, so the promise about false
 * incidents holds for what is told too.
 */
final class Routing {
  /** A cause that was told within this time is not told again, unless it has become more severe. */
  static final Duration QUIET = Duration.ofHours(6);

  /** How long a mail waits for others. */
  static final Duration GROUPED_FOR = Duration.ofSeconds(30);

  /** How often a firing alert is told again to who forgets it otherwise. */
  static final Duration REPEAT_EVERY = Duration.ofMinutes(4);

  static final int ATTEMPTS_MAX = 12;
  private static final Duration PAUSE_FIRST = Duration.ofSeconds(5);
  private static final Duration PAUSE_MAX = Duration.ofHours(1);

  private Routing() {}

  /** What becomes of an alert on one route. Names are wire values. */
  enum State {
    WAITING,
    /** Delivered, and told again while it lasts. */
    REPEATING,
    DELIVERED,
    /** Refused for good, or tried {@link #ATTEMPTS_MAX} times. */
    GIVEN_UP,
    /** A silence covers it; told at its end where it still lasts. */
    SILENCED,
    /** Its cause was told a short while ago; told later where it still lasts. */
    GROUPED
  }

  /** An alert that went out on a route, or waits to: not one that was held back or given up. */
  record Told(String route, String kind, Severity severity, Instant at) {}

  /** A delivery to be made. */
  record Delivery(String route, State state, Instant dueAt) {}

  /**
   * The deliveries of a new alert, one for each route that wants its severity.
   *
   * @param earlier what was told of the same cause, at any time
   */
  static List<Delivery> of(
      Alert alert, List<Route> routes, List<Silence> silences, List<Told> earlier, Instant now) {
    Optional<Instant> silentUntil = silentUntil(alert, silences, now);
    Map<String, Instant> told =
        earlier.stream()
            .filter(
                one ->
                    one.kind().equals(alert.kind())
                        && alert.severity().covers(one.severity())
                        && one.at().isAfter(now.minus(QUIET)))
            .collect(Collectors.toMap(Told::route, Told::at, (a, b) -> a.isAfter(b) ? a : b));
    return routes.stream()
        .filter(route -> route.from().covers(alert.severity()))
        .map(
            route -> {
              Optional<Instant> quietUntil =
                  Optional.ofNullable(told.get(route.name())).map(last -> last.plus(QUIET));
              if (silentUntil.isPresent()) {
                Instant silent = silentUntil.get();
                return new Delivery(
                    route.name(),
                    State.SILENCED,
                    quietUntil.filter(silent::isBefore).orElse(silent));
              }
              return quietUntil
                  .map(until -> new Delivery(route.name(), State.GROUPED, until))
                  .orElseGet(
                      () ->
                          new Delivery(
                              route.name(),
                              State.WAITING,
                              route.kind() == Route.Kind.MAIL ? now.plus(GROUPED_FOR) : now));
            })
        .toList();
  }

  /**
   * When the last of the silences ends that cover an alert now. One that was held back and still
   * lasts is told once none does: nobody else tells of harm that was shown under a silence, nor of
   * a cause that came back after its end was told, and stayed.
   */
  static Optional<Instant> silentUntil(Alert alert, List<Silence> silences, Instant now) {
    return silences.stream()
        .filter(one -> one.covers(alert, now))
        .map(Silence::until)
        .max(Comparator.naturalOrder());
  }

  /** What a receiver answered. */
  sealed interface Answer {
    /** In words for the delivery log. */
    String text();

    /** It has it. */
    record Accepted(String text) implements Answer {}

    /** It will never take it as it is. */
    record Refused(String text) implements Answer {}

    /** It may take it later. */
    record Unreachable(String text) implements Answer {}
  }

  /** What a status of HTTP says about trying again. */
  static Answer ofStatus(int status, String text) {
    if (status >= 200 && status < 300) {
      return new Answer.Accepted(text);
    }
    boolean later = status >= 500 || status == 408 || status == 425 || status == 429;
    return later ? new Answer.Unreachable(text) : new Answer.Refused(text);
  }

  /** A delivery after an attempt. */
  record After(State state, Instant dueAt) {}

  /**
   * The delivery after an answer.
   *
   * @param attempts made so far, this one counted
   */
  static After after(Answer answer, Alert alert, Route.Kind kind, int attempts, Instant now) {
    return switch (answer) {
      case Answer.Accepted _ ->
          kind == Route.Kind.ALERTMANAGER && alert.resolvedAt().isEmpty()
              ? new After(State.REPEATING, now.plus(REPEAT_EVERY))
              : new After(State.DELIVERED, now);
      case Answer.Refused _ -> new After(State.GIVEN_UP, now);
      case Answer.Unreachable _ ->
          attempts >= ATTEMPTS_MAX
              ? new After(State.GIVEN_UP, now)
              : new After(State.WAITING, now.plus(pause(attempts)));
    };
  }

  private static Duration pause(int attempts) {
    Duration pause = PAUSE_FIRST.multipliedBy(1L << Math.min(attempts - 1, 20));
    return pause.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : pause;
  }
}
