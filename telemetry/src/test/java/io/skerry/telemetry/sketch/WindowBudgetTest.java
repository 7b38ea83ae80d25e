package io.skerry.telemetry.sketch;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.telemetry.sketch.WindowBudget.Sharers;
import io.skerry.telemetry.sketch.WindowBudget.Sharing;
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
      Optional<Degradation> now =
          budget.atWindowEnd(end, HOUR, pending, Sharing.NONE, WindowBudgetTest::bytes);
      if (now.isPresent()) {
        sent.add(now.get());
        budget.sent(end - 1, bytes(now.get()), 0);
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

  /** Neither a version beside another nor a second model has bytes of its own. */
  @Test
  void sharesADayAmongVersionsAndModels() {
    for (long perDay : new long[] {2000, 5000, 14_000, 30_000, 80_000}) {
      DayUse device = new DayUse();
      DayUse twoVersions = new DayUse();
      long small = perDay / 4;
      List<WindowBudget> budgets =
          List.of(
              new WindowBudget(perDay, twoVersions, device),
              new WindowBudget(perDay, twoVersions, device),
              new WindowBudget(small, new DayUse(), device));
      long[] spent = new long[budgets.size()];
      int[] pending = new int[budgets.size()];
      for (int window = 0; window < 24; window++) {
        long end = (window + 1) * HOUR;
        for (int i = 0; i < spent.length; i++) {
          pending[i]++;
          Sharing sharing =
              new Sharing(
                  perDay, i < 2 ? new Sharers(2 - i, 2) : new Sharers(1, 1), new Sharers(3 - i, 3));
          Optional<Degradation> now =
              budgets.get(i).atWindowEnd(end, HOUR, pending[i], sharing, WindowBudgetTest::bytes);
          if (now.isPresent()) {
            budgets.get(i).sent(end - 1, bytes(now.get()), perDay);
            spent[i] += bytes(now.get()) + WindowBudget.OVERHEAD_BYTES;
            pending[i] = 0;
          }
        }
      }

      assertThat(spent[0] + spent[1] + spent[2]).as("%d", perDay).isBetween(perDay / 4, perDay);
      assertThat(spent[2]).isLessThanOrEqualTo(small);
      assertThat(Math.min(spent[0], spent[1])).isGreaterThan(perDay < 4000 ? -1 : perDay / 8);
    }
  }

  @Test
  void givesAStartAtNoonHalfADay() {
    WindowBudget budget = new WindowBudget(10_000);

    assertThat(budget.atOnce(12 * HOUR, 0, degradation -> 4700)).isPresent();
    assertThat(new WindowBudget(10_000).atOnce(12 * HOUR, 0, degradation -> 4800)).isEmpty();
  }

  /** Who sent more while more was allowed silences nobody when it is gone. */
  @Test
  void holdsAgainstALaterLimitOnlyWhatItMayHave() {
    DayUse device = new DayUse();
    DayUse versions = new DayUse();
    WindowBudget unlimited = new WindowBudget(0, versions, device);
    WindowBudget large = new WindowBudget(100_000, new DayUse(), device);
    WindowBudget small = new WindowBudget(10_000, versions, device);
    for (WindowBudget each : List.of(unlimited, large, small)) {
      each.atOnce(0, 1, degradation -> 100);
    }
    unlimited.sent(HOUR, 10_000_000, 0);
    large.sent(HOUR, 50_000, 100_000);
    large.sent(HOUR, 50_000, 0);

    assertThat(small.atOnce(12 * HOUR, 10_000, degradation -> 9000)).isPresent();
    small.sent(12 * HOUR, 9000, 10_000);
    assertThat(small.atOnce(12 * HOUR, 10_000, degradation -> 9000)).isEmpty();
    assertThat(large.atOnce(12 * HOUR, 100_000, degradation -> 45_000)).isEmpty();
    // The next day has a limit of its own.
    assertThat(small.atOnce(25 * HOUR, 5_000, degradation -> 9000)).isEmpty();
  }

  @Test
  void aClockThatIsPutBackBringsNoSecondBudget() {
    WindowBudget budget = new WindowBudget(10_000);
    budget.atOnce(24 * HOUR, 0, degradation -> 100);
    budget.sent(24 * HOUR, 9_000, 0);

    assertThat(budget.atOnce(HOUR, 0, degradation -> 4000)).isEmpty();
    assertThat(budget.atOnce(25 * HOUR, 0, degradation -> 4000)).isEmpty();
    assertThat(budget.atOnce(49 * HOUR, 0, degradation -> 4000)).isPresent();
  }

  @Test
  void aDayFarInTheFutureDoesNotKeepItShutUntilThen() {
    DayUse use = new DayUse();
    WindowBudget budget = new WindowBudget(10_000, use, new DayUse());
    use.resume(4000, 10_000, 0);

    assertThat(budget.atOnce(49 * HOUR, 0, degradation -> 4000)).isPresent();
    assertThat(use.day()).isEqualTo(2);
  }
}
