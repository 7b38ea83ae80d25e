package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WindowBudgetTest {
  private static final long HOUR = 3_600_000;

  private static int bytes(Degradation degradation) {
    return 400 + 2400 / degradation.fold() * degradation.eighths() / 8;
  }

  /** Bytes of each day, and what was sent. */
  private static long[] spent(long bytesPerDay, int days, List<Degradation> sent) {
    WindowBudget budget = new WindowBudget(bytesPerDay);
    long[] spent = new long[days];
    int pending = 0;
    for (int window = 0; window < 24 * days; window++) {
      pending++;
      long end = (window + 1) * HOUR;
      Optional<Degradation> now = budget.atWindowEnd(end, HOUR, pending, WindowBudgetTest::bytes);
      if (now.isPresent()) {
        sent.add(now.get());
        budget.sent(bytes(now.get()));
        spent[window / 24] += bytes(now.get()) + WindowBudget.OVERHEAD_BYTES;
        pending = 0;
      }
    }
    return spent;
  }

  @Test
  void sendsEverythingWhileThereIsRoom() {
    List<Degradation> sent = new ArrayList<>();

    spent(80_000, 2, sent);

    assertThat(sent).hasSize(48).containsOnly(Degradation.NONE);
  }

  @Test
  void neverSendsMoreThanADayMay() {
    for (long budget : new long[] {500, 1500, 3000, 5000, 10_000, 14_000, 30_000, 50_000}) {
      List<Degradation> sent = new ArrayList<>();
      for (long day : spent(budget, 3, sent)) {
        assertThat(day).as("of %d", budget).isLessThanOrEqualTo(budget);
      }
      assertThat(sent.isEmpty()).as("of %d", budget).isEqualTo(budget < 660);
    }
  }

  @Test
  void degradesInThePublishedOrder() {
    List<Degradation> before = List.of();
    for (long budget : new long[] {80_000, 40_000, 25_000, 14_000, 7000, 3000}) {
      List<Degradation> sent = new ArrayList<>();
      spent(budget, 1, sent);
      assertThat(Degradation.ORDER.indexOf(sent.getFirst()))
          .as("of %d after %s", budget, before)
          .isGreaterThanOrEqualTo(
              before.isEmpty() ? 0 : Degradation.ORDER.indexOf(before.getFirst()));
      before = sent;
    }
    assertThat(before.getFirst().fold()).isEqualTo(4);
  }

  @Test
  void givesAStartAtNoonHalfADay() {
    WindowBudget budget = new WindowBudget(10_000);

    assertThat(budget.atOnce(12 * HOUR, degradation -> 4700)).isPresent();
    assertThat(new WindowBudget(10_000).atOnce(12 * HOUR, degradation -> 4800)).isEmpty();
  }

  @Test
  void aClockThatIsPutBackBringsNoSecondBudget() {
    WindowBudget budget = new WindowBudget(10_000);
    budget.atOnce(24 * HOUR, degradation -> 100);
    budget.sent(9_000);

    assertThat(budget.atOnce(HOUR, degradation -> 4000)).isEmpty();
    assertThat(budget.atOnce(25 * HOUR, degradation -> 4000)).isEmpty();
    assertThat(budget.atOnce(49 * HOUR, degradation -> 4000)).isPresent();
  }

  @Test
  void aDayFarInTheFutureDoesNotKeepItShutUntilThen() {
    WindowBudget budget = new WindowBudget(10_000);
    budget.resume(4000, 10_000);

    assertThat(budget.atOnce(49 * HOUR, degradation -> 4000)).isPresent();
    assertThat(budget.day()).isEqualTo(2);
  }
}
