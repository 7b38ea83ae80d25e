package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RequestBudgetTest {
  private static final long MIB = 1 << 20;

  private final Applications applications = new Applications(List.of(), Optional.empty());
  private final Application a = applications.certified("a");
  private final Application b = applications.certified("b");
  private final RequestBudget budget = new RequestBudget(16 * MIB, 2);

  @AfterEach
  void close() {
    applications.close();
  }

  @Test
  void eachApplicationHasOnePart() {
    assertThat(budget.take(a, 0, 5 * MIB)).isTrue();
    assertThat(budget.take(a, 0, 3 * MIB)).isTrue();
    assertThat(budget.take(a, 0, 64 << 10)).isFalse();
    assertThat(budget.take(b, 0, 7 * MIB)).isTrue();

    budget.give(a, 3 * MIB);
    assertThat(budget.take(a, 0, 1)).isTrue();
  }

  @Test
  void oneLargerRequestMayGrowBeyondThePartWhileItIsTheOnlyOne() {
    assertThat(budget.take(a, 0, 8 * MIB)).isTrue();
    assertThat(budget.take(a, 8 * MIB, 4 * MIB)).isTrue();
    assertThat(budget.take(a, 0, 64 << 10)).isFalse();
    assertThat(budget.take(b, 0, 3 * MIB)).isTrue();

    budget.give(a, 12 * MIB);
    assertThat(budget.take(a, 0, 1)).isTrue();
    assertThat(budget.take(a, 0, 9 * MIB)).isFalse();
  }

  @Test
  void theLastSixteenthIsForSmallRequests() {
    assertThat(budget.take(a, 0, 8 * MIB)).isTrue();
    assertThat(budget.take(b, 0, 7 * MIB)).isTrue();

    assertThat(budget.take(b, 0, 64 << 10)).isFalse();
    assertThat(budget.take(b, 0, (64 << 10) - 1)).isTrue();
    assertThat(budget.take(b, (64 << 10) - 1, 1)).isFalse();
    assertThat(RequestBudget.largestRequest(16 * MIB)).isEqualTo(15 * MIB);
  }

  /** A probe of its health is no reason to restart what works on something large. */
  @Test
  void ownLargeRequestsShutOutNoSmallOnes() {
    assertThat(budget.take(a, 0, 12 * MIB)).isTrue();

    assertThat(budget.take(a, 0, 0)).isTrue();
    for (int i = 0; i < 16; i++) {
      assertThat(budget.take(a, 0, 60 << 10)).isTrue();
    }
    assertThat(budget.take(a, 60 << 10, 4 << 10)).as("grows large").isFalse();
    assertThat(budget.take(a, 0, 63 << 10)).as("more than the reserve").isTrue();
    assertThat(budget.take(a, 0, 63 << 10)).as("more than the reserve").isFalse();

    budget.give(a, 60 << 10);
    assertThat(budget.take(a, 0, 60 << 10)).isTrue();
    budget.give(a, 12 * MIB);
    budget.give(a, 63 << 10);
    for (int i = 0; i < 16; i++) {
      budget.give(a, 60 << 10);
    }
    assertThat(budget.bytes()).isZero();
    assertThat(budget.take(a, 0, 12 * MIB)).isTrue();
  }

  @Test
  void countsWhatItRefusesAndKeepsNothingOfWhoHasGivenBack() {
    assertThat(budget.take(a, 0, 20 * MIB)).isFalse();
    assertThat(budget.take(a, 0, 2 * MIB)).isTrue();
    budget.give(a, 2 * MIB);

    assertThat(budget.bytes()).isZero();
    assertThat(applications.statistics(name -> 0))
        .contains(new ApplicationStatistics("cert:a", 0, 0, 1, 0, 0, 0));
  }

  @Test
  void noMoreBytesWaitThanThereMayBe() {
    assertThat(new QueueConfig(1, 4, 100).within(50).waitingBytesMax()).isEqualTo(50);
    assertThat(new QueueConfig(1, 4, 100).within(500).waitingBytesMax()).isEqualTo(100);
  }
}
