package io.skerry.control.alert;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RoutingTest {
  private static final Instant NOW = Instant.parse("2026-11-27T03:00:00Z");
  private static final Route HOOK = route("hook", Route.Kind.WEBHOOK, Severity.TICKET);
  private static final Route PAGER = route("pager", Route.Kind.ALERTMANAGER, Severity.PAGE);
  private static final Route MAIL = route("mail", Route.Kind.MAIL, Severity.NOTE);

  @Test
  void tellsEachRouteThatWantsTheSeverity() {
    List<Routing.Delivery> deliveries =
        Routing.of(
            alert("incident.opened", Severity.TICKET, NOW),
            List.of(HOOK, PAGER, MAIL),
            List.of(),
            List.of(),
            NOW);

    assertThat(deliveries)
        .containsExactly(
            new Routing.Delivery("hook", Routing.State.WAITING, NOW),
            new Routing.Delivery("mail", Routing.State.WAITING, NOW.plus(Routing.GROUPED_FOR)));
  }

  @ParameterizedTest
  @CsvSource({
    "incident., '', '', 60, SILENCED",
    "'', site=b, '', 60, SILENCED",
    "'', '', incident-1, 60, SILENCED",
    "incident.opened, site=b, incident-1, 60, SILENCED",
    "incident., site=a, '', 60, WAITING",
    "rollout., '', '', 60, WAITING",
    "incident., '', '', 0, WAITING",
  })
  void keepsQuietWhereASilenceCoversIt(
      String kind, String cohort, String object, long seconds, Routing.State expected) {
    Silence silence = new Silence(1, kind, cohort, object, NOW.plusSeconds(seconds));

    assertThat(
            Routing.of(
                alert("incident.opened", Severity.TICKET, NOW),
                List.of(HOOK),
                List.of(silence),
                List.of(),
                NOW))
        .extracting(Routing.Delivery::state)
        .containsExactly(expected);
  }

  @ParameterizedTest
  @CsvSource({
    "site=b, firmware=2 & site=b, true",
    "firmware=2 & site=b, firmware=2 & site=b, true",
    "site=b & firmware=2, firmware=2 & site=b, true",
    "firmware=2 & site=b, site=b, false",
    "site=b, firmware=2 & site=bc, false",
    "site=b, '', false",
  })
  void coversEveryCohortWithinTheSilencedOne(String silenced, String cohort, boolean covered) {
    Alert usual = alert("incident.opened", Severity.PAGE, NOW);
    Alert alert =
        new Alert(
            usual.id(),
            usual.at(),
            usual.kind(),
            usual.object(),
            usual.cause(),
            cohort,
            usual.severity(),
            usual.detail(),
            usual.resolvedAt());

    assertThat(new Silence(1, "", silenced, "", NOW.plusSeconds(60)).covers(alert, NOW))
        .isEqualTo(covered);
  }

  @Test
  void tellsAtTheEndOfWhateverKeepsItQuiet() {
    Alert alert = alert("incident.harmful", Severity.PAGE, NOW);
    Silence hour = new Silence(1, "incident.", "", "", NOW.plusSeconds(3600));
    Silence day = new Silence(2, "", "site=b", "", NOW.plusSeconds(86_400));
    Silence elsewhere = new Silence(3, "", "site=c", "", NOW.plusSeconds(172_800));
    Routing.Told lately = told("hook", "incident.harmful", Severity.PAGE, NOW.minusSeconds(60));

    assertThat(Routing.of(alert, List.of(HOOK), List.of(hour, day, elsewhere), List.of(), NOW))
        .containsExactly(
            new Routing.Delivery("hook", Routing.State.SILENCED, NOW.plusSeconds(86_400)));
    assertThat(Routing.of(alert, List.of(HOOK), List.of(hour), List.of(lately), NOW))
        .containsExactly(
            new Routing.Delivery(
                "hook", Routing.State.SILENCED, NOW.minusSeconds(60).plus(Routing.QUIET)));
  }

  @Test
  void tellsACauseThatFlapsOnceButNeverHoldsBackWhatIsWorse() {
    Alert again = alert("incident.opened", Severity.TICKET, NOW);
    Routing.Told lately = told("hook", "incident.opened", Severity.TICKET, NOW.minusSeconds(60));
    Routing.Told longAgo =
        told("hook", "incident.opened", Severity.TICKET, NOW.minus(Routing.QUIET));
    Routing.Told milder = told("hook", "incident.opened", Severity.NOTE, NOW.minusSeconds(60));
    Routing.Told other = told("hook", "incident.harmful", Severity.PAGE, NOW.minusSeconds(60));
    Routing.Told elsewhere = told("mail", "incident.opened", Severity.TICKET, NOW.minusSeconds(60));

    assertThat(state(again, lately)).isEqualTo(Routing.State.GROUPED);
    assertThat(state(again, longAgo)).isEqualTo(Routing.State.WAITING);
    assertThat(state(again, milder)).isEqualTo(Routing.State.WAITING);
    assertThat(state(again, other)).isEqualTo(Routing.State.WAITING);
    assertThat(state(again, elsewhere)).isEqualTo(Routing.State.WAITING);
  }

  private static Routing.Told told(String route, String kind, Severity severity, Instant at) {
    return new Routing.Told(route, kind, severity, at);
  }

  private static Routing.State state(Alert alert, Routing.Told earlier) {
    return Routing.of(alert, List.of(HOOK), List.of(), List.of(earlier), NOW).getFirst().state();
  }

  @ParameterizedTest
  @CsvSource({
    "200, WAITING, DELIVERED",
    "204, WAITING, DELIVERED",
    "301, WAITING, GIVEN_UP",
    "400, WAITING, GIVEN_UP",
    "401, WAITING, GIVEN_UP",
    "408, WAITING, WAITING",
    "429, WAITING, WAITING",
    "500, WAITING, WAITING",
    "503, WAITING, WAITING",
  })
  void triesAgainOnlyWhatMayBeTakenLater(int status, String before, Routing.State after) {
    assertThat(
            Routing.after(
                    Routing.ofStatus(status, ""),
                    alert("x", Severity.PAGE, NOW),
                    Route.Kind.WEBHOOK,
                    1,
                    NOW)
                .state())
        .isEqualTo(after);
  }

  @Test
  void waitsTwiceAsLongEachTimeAndGivesUpInTheEnd() {
    Routing.Answer away = new Routing.Answer.Unreachable("connection refused");
    Alert alert = alert("x", Severity.PAGE, NOW);
    Duration before = Duration.ZERO;
    for (int attempt = 1; attempt < Routing.ATTEMPTS_MAX; attempt++) {
      Routing.After after = Routing.after(away, alert, Route.Kind.WEBHOOK, attempt, NOW);
      Duration pause = Duration.between(NOW, after.dueAt());
      assertThat(after.state()).isEqualTo(Routing.State.WAITING);
      assertThat(pause).isGreaterThanOrEqualTo(before).isLessThanOrEqualTo(Duration.ofHours(1));
      before = pause;
    }

    assertThat(Routing.after(away, alert, Route.Kind.WEBHOOK, Routing.ATTEMPTS_MAX, NOW).state())
        .isEqualTo(Routing.State.GIVEN_UP);
  }

  @Test
  void tellsAlertmanagerAgainUntilTheAlertHasEnded() {
    Routing.Answer taken = new Routing.Answer.Accepted("200");
    Alert lasting = alert("x", Severity.PAGE, NOW);
    Alert ended = new Alert(1, NOW, "x", "o", "", "", Severity.PAGE, "", Optional.of(NOW));

    assertThat(Routing.after(taken, lasting, Route.Kind.ALERTMANAGER, 1, NOW))
        .isEqualTo(new Routing.After(Routing.State.REPEATING, NOW.plus(Routing.REPEAT_EVERY)));
    assertThat(Routing.after(taken, ended, Route.Kind.ALERTMANAGER, 1, NOW).state())
        .isEqualTo(Routing.State.DELIVERED);
  }

  private static Route route(String name, Route.Kind kind, Severity from) {
    return new Route(name, kind, "https://example.org", Optional.empty(), from, "ana", NOW);
  }

  private static Alert alert(String kind, Severity severity, Instant at) {
    return new Alert(
        1, at, kind, "incident-1", "m/site=b/s11", "site=b", severity, "moved", Optional.empty());
  }
}
