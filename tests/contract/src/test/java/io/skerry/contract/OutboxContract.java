package io.skerry.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.contract.Tables.Waiting;
import io.skerry.protocol.DesiredDocument;
import io.skerry.protocol.DesiredSlot;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.Generation;
import io.skerry.protocol.SlotPhase;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is ordered reaches the broker, whoever dies meanwhile, and the newest order last. */
interface OutboxContract {
  DeviceId ONE = new DeviceId("device-1");
  DeviceId TWO = new DeviceId("device-2");
  DeviceId THREE = new DeviceId("device-3");

  /** Without devices. */
  Tables tables();

  @BeforeEach
  default void enrolDevices() {
    List.of(ONE, TWO, THREE).forEach(tables()::enrol);
  }

  @Test
  default void anOrderWaitsUntilItIsPublished() {
    tables().order(List.of(ONE, TWO), 1);

    List<Waiting> waiting = waiting();
    assertThat(devices(waiting)).containsExactlyInAnyOrder(ONE, TWO);
    assertThat(waiting).allMatch(one -> slot(one).revision() == 1 && version(one) == 1);

    tables().published(waiting);
    assertThat(waiting()).isEmpty();
  }

  @Test
  default void whatWaitsOutlivesTheProcess() {
    tables().order(List.of(ONE, TWO), 1);
    List<DesiredDocument> before = documents();

    tables().restart();

    assertThat(documents())
        .usingRecursiveComparison()
        .ignoringFields("expiresAt")
        .isEqualTo(before);
    tables().published(waiting());
    tables().restart();
    assertThat(waiting()).isEmpty();
  }

  @Test
  default void aTermIsAboveThoseBefore() {
    tables().order(List.of(ONE), 1);
    Generation before = documents().getFirst().generation();

    tables().restart();
    tables().order(List.of(ONE), 2);

    assertThat(documents().getFirst().generation().term()).isGreaterThan(before.term());
  }

  @Test
  default void ofManyOrdersTheNewestIsPublished() {
    tables().order(List.of(ONE), 1);
    Generation before = documents().getFirst().generation();

    tables().order(List.of(ONE), 2);

    assertThat(waiting()).singleElement().satisfies(one -> assertThat(version(one)).isEqualTo(2));
    assertThat(slot(waiting().getFirst()).revision()).isEqualTo(2);
    assertThat(documents().getFirst().generation()).isEqualTo(before.next());
  }

  @Test
  default void anOrderThatComesWhileOneIsPublishedStays() {
    tables().order(List.of(ONE), 1);
    List<Waiting> onItsWay = waiting();

    tables().order(List.of(ONE), 2);
    tables().published(onItsWay);

    assertThat(waiting()).singleElement().satisfies(one -> assertThat(version(one)).isEqualTo(2));
  }

  @Test
  default void whatIsQueuedAgainWhileItIsPublishedStays() {
    tables().order(List.of(ONE), 1);
    List<Waiting> onItsWay = waiting();

    tables().queueAll();
    tables().published(onItsWay);

    assertThat(devices(waiting())).containsExactly(ONE);
  }

  @Test
  default void whoHasWaitedLongestComesFirst() {
    tables().order(List.of(ONE), 1);
    tables().order(List.of(TWO), 1);
    tables().order(List.of(THREE), 1);

    assertThat(devices(tables().waiting(2))).containsExactly(ONE, TWO);

    tables().order(List.of(ONE), 2);
    assertThat(devices(waiting())).containsExactly(TWO, THREE, ONE);
  }

  @Test
  default void nobodyIsOrderedWhoIsNotThere() {
    tables().order(List.of(new DeviceId("nobody"), ONE), 1);

    assertThat(devices(waiting())).containsExactly(ONE);
  }

  @Test
  default void whatADeviceHasNotSeenIsPublishedAgain() {
    tables().order(List.of(ONE, TWO, THREE), 1);
    assertThat(tables().repair()).as("they wait already").isZero();
    List<Waiting> waiting = waiting();
    tables().published(waiting);
    seen(waiting, TWO);
    tables().present(THREE, false);

    assertThat(tables().repair()).isEqualTo(1);

    assertThat(devices(waiting())).containsExactly(ONE);
    tables().published(waiting());
    seen(waiting, ONE);
    assertThat(tables().repair()).isZero();
    tables().present(THREE, true);
    assertThat(tables().repair()).as("it is back").isEqualTo(1);
  }

  private void seen(List<Waiting> published, DeviceId device) {
    DesiredDocument document =
        published.stream()
            .map(Waiting::document)
            .filter(one -> one.device().equals(device))
            .findFirst()
            .orElseThrow();
    assertThat(tables().report(Reports.of(document, 1, SlotPhase.DOWNLOADING))).isTrue();
  }

  @Test
  default void aReportCountsOnlyIfItIsNewer() {
    tables().order(List.of(ONE), 1);
    DesiredDocument document = documents().getFirst();

    assertThat(tables().report(Reports.of(document, 2, SlotPhase.STAGED))).isTrue();
    assertThat(tables().report(Reports.of(document, 2, SlotPhase.STAGED))).isFalse();
    assertThat(tables().report(Reports.of(document, 1, SlotPhase.STAGED))).isFalse();
    assertThat(tables().report(Reports.of(document, 3, SlotPhase.STAGED))).isTrue();
  }

  @Test
  default void anOrderIsAboveWhatItsDeviceHasSeen() {
    tables().order(List.of(ONE, TWO), 1);
    List<DesiredDocument> ordered = documents();
    tables().published(waiting());
    Generation term = ordered.getFirst().generation();
    Generation seen = new Generation(term.term() + 1000, 7);
    DesiredDocument other =
        new DesiredDocument(
            ordered.getFirst().tenant(),
            ONE,
            seen,
            ordered.getFirst().issuedAt(),
            List.of(ordered.getFirst().slots().getFirst().withRevision(41)));
    assertThat(tables().report(Reports.of(other, 1, SlotPhase.COMMITTED))).isTrue();

    tables().outrank();

    assertThat(waiting())
        .singleElement()
        .satisfies(
            one -> {
              assertThat(one.document().device()).isEqualTo(ONE);
              assertThat(one.document().generation()).isEqualTo(new Generation(seen.term() + 1, 1));
              assertThat(slot(one).revision()).isEqualTo(42);
            });
    // A device may lie: nobody else's term is raised by it.
    tables().order(List.of(TWO), 2);
    assertThat(waiting().getLast().document().generation()).isEqualTo(term.next());
    tables().order(List.of(ONE), 2);
    assertThat(slot(waiting().getLast()).revision()).isEqualTo(43);
  }

  private List<Waiting> waiting() {
    return tables().waiting(100);
  }

  private List<DesiredDocument> documents() {
    return waiting().stream().map(Waiting::document).toList();
  }

  private static List<DeviceId> devices(List<Waiting> waiting) {
    return waiting.stream().map(one -> one.document().device()).toList();
  }

  private static DesiredSlot slot(Waiting waiting) {
    return waiting.document().slots().getFirst();
  }

  private static long version(Waiting waiting) {
    return slot(waiting).version().version();
  }
}
