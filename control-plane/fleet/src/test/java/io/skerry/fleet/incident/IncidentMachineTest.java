package io.skerry.fleet.incident;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.protocol.DeviceId;
import io.skerry.telemetry.drift.Accuracy;
import io.skerry.telemetry.drift.Calibration;
import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.DriftLedger;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.EstimatedAccuracy;
import io.skerry.telemetry.drift.Outcome;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.StreamVerdict;
import io.skerry.telemetry.drift.WindowVerdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class IncidentMachineTest {
  private static final Incident OPEN = open();

  static Incident open() {
    return opened(Stream.Kind.CONDITIONAL);
  }

  private static Incident opened(Stream.Kind kind) {
    return opened(kind, .4);
  }

  private static Incident opened(Stream.Kind kind, double effect) {
    Stream stream = new Stream("s11", kind);
    Cohort cohort = new Cohort("site", "b");
    return IncidentMachine.opened(
        new DriftFinding(
            cohort,
            "s11",
            stream,
            10,
            11,
            12,
            new Estimate(effect, effect - .1, effect + .1),
            EffectSize.NONE,
            17,
            34,
            800,
            .9,
            15,
            13,
            cohort,
            stream,
            null));
  }

  @Test
  void pagesOnHarmOnly() {
    EstimatedAccuracy good = estimated(60);
    EstimatedAccuracy bad = estimated(33);

    assertThat(OPEN.page()).isEmpty();
    assertThat(opened(Stream.Kind.QUALITY).page()).contains(Incident.Page.QUALITY);
    assertThat(counted(OPEN, accuracy(.9, 1), accuracy(.6, 2)).page())
        .contains(Incident.Page.ACCURACY);
    assertThat(IncidentMachine.after(OPEN, new IncidentEvent.ScoresCounted(good, good)).page())
        .isEmpty();
    assertThat(IncidentMachine.after(OPEN, new IncidentEvent.ScoresCounted(good, bad)).page())
        .contains(Incident.Page.ESTIMATED_ACCURACY);
    assertThat(
            IncidentMachine.after(opened(Stream.Kind.STUCK), new IncidentEvent.Resolved("mended"))
                .page())
        .isEmpty();
  }

  @Test
  void pagesForWhatBreaksInACohortThatMovedBefore() {
    Stream missing = new Stream("s4", Stream.Kind.QUALITY);
    Stream wrong = new Stream("wrong", Stream.Kind.ERROR);
    Cohort cohort = OPEN.finding().cohort();

    Incident better = after(OPEN, cohort, fired(cohort, missing, -.1));
    Incident elsewhere = after(OPEN, cohort, fired(new Cohort("site", "a"), missing, .1));
    Incident moved = after(OPEN, cohort, fired(cohort, new Stream("s4", Stream.Kind.LOCATION), .1));
    Incident broken = after(OPEN, cohort, fired(cohort, missing, .1));
    Incident again = after(broken, cohort, fired(cohort, missing, .1));
    Incident both = after(again, cohort, fired(cohort, wrong, .1));

    assertThat(List.of(better, elsewhere, moved)).allMatch(one -> one.page().isEmpty());
    assertThat(broken.page()).contains(Incident.Page.QUALITY);
    assertThat(broken.doubtful()).contains("s4");
    assertThat(again.broken()).extracting(Incident.Broken::stream).containsExactly(missing);
    assertThat(again.confirmations()).isEqualTo(2);
    assertThat(both.page()).contains(Incident.Page.ACCURACY);
    assertThat(both.broken()).extracting(Incident.Broken::stream).containsExactly(wrong, missing);
  }

  /** What had got better may break later: the cohort is explained, nothing else would tell. */
  @Test
  void pagesForWhatBreaksAfterItGotBetter() {
    Incident better = opened(Stream.Kind.QUALITY, -.4);
    Stream stream = better.finding().movedBy();

    Incident broken =
        after(better, better.finding().cohort(), fired(better.finding().cohort(), stream, .3));

    assertThat(broken.page()).contains(Incident.Page.QUALITY);
    assertThat(broken.doubtful()).contains("s11");
  }

  /** A gap that was mended neither doubts the data nor hides harm that comes later. */
  @Test
  void forgetsWhatWasMendedForAsManyWindowsAsEndAnIncident() {
    Cohort cohort = OPEN.finding().cohort();
    Stream missing = new Stream("s4", Stream.Kind.QUALITY);
    Incident broken = after(OPEN, cohort, fired(cohort, missing, .2));
    StreamVerdict within = fired(cohort, missing, .01);
    StreamVerdict beyond = fired(cohort, missing, .03);
    StreamVerdict elsewhere = fired(new Cohort("site", "elsewhere"), missing, 0);

    Incident almost = looked(broken, within, DriftLedger.QUIET_WINDOWS - 1);

    assertThat(broken.page()).contains(Incident.Page.QUALITY);
    assertThat(looked(broken, elsewhere, DriftLedger.QUIET_WINDOWS)).isEqualTo(broken);
    assertThat(almost.page()).contains(Incident.Page.QUALITY);
    assertThat(looked(looked(almost, beyond, 1), within, 1).page()).contains(Incident.Page.QUALITY);
    assertThat(looked(after(almost, cohort, fired(cohort, missing, .2)), within, 1).page())
        .contains(Incident.Page.QUALITY);
    assertThat(looked(almost, within, 1).page()).isEmpty();
    assertThat(looked(almost, within, 1).doubtful()).isEmpty();
  }

  private static Incident looked(Incident incident, StreamVerdict verdict, int times) {
    Incident now = incident;
    for (int i = 0; i < times; i++) {
      now = IncidentMachine.after(now, IncidentEvent.Looked.of(verdict(verdict, Set.of()), now));
    }
    return now;
  }

  @Test
  void remembersNoMoreOfWhatBreaksThanItsBound() {
    List<Stream> many =
        IntStream.rangeClosed(0, Incident.BROKEN_MAX)
            .mapToObj(i -> new Stream("s" + i, Stream.Kind.STUCK))
            .toList();

    assertThat(IncidentMachine.after(OPEN, new IncidentEvent.Persisted(many)).broken())
        .extracting(Incident.Broken::stream)
        .isEqualTo(many.subList(0, Incident.BROKEN_MAX));
  }

  private static Incident after(Incident incident, Cohort cohort, StreamVerdict verdict) {
    return IncidentMachine.after(
        incident, IncidentEvent.Persisted.of(verdict(verdict, Set.of(cohort)), cohort));
  }

  private static WindowVerdict verdict(StreamVerdict stream, Set<Cohort> persisting) {
    return new WindowVerdict(
        40,
        0,
        30,
        List.of(stream),
        List.of(),
        Optional.empty(),
        Optional.empty(),
        persisting,
        Set.of());
  }

  private static StreamVerdict fired(Cohort cohort, Stream stream, double effect) {
    return new StreamVerdict(cohort, stream, 17, 34, effect, .01, .02, 0, 20, 15);
  }

  /** A sensor that was mended, a model that errs less: news, and nothing to be woken for. */
  @ParameterizedTest
  @EnumSource(names = {"QUALITY", "STUCK", "ERROR"})
  void pagesNobodyForWhatGotBetter(Stream.Kind kind) {
    assertThat(opened(kind, .4).page()).isPresent();
    assertThat(opened(kind, -.4).page()).isEmpty();
  }

  private static EstimatedAccuracy estimated(int bin) {
    List<long[]> devices = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      long[] row = new long[64];
      row[63 - bin] = 900;
      row[bin] = 100L + i;
      devices.add(row);
    }
    List<Outcome> outcomes = new ArrayList<>();
    Random random = new Random(1);
    for (int i = 0; i < 20_000; i++) {
      double score = random.nextDouble();
      outcomes.add(new Outcome(new DeviceId("d" + i % 17), score, random.nextDouble() < score));
    }
    return EstimatedAccuracy.of(devices, Calibration.of(outcomes), .5);
  }

  @Test
  void confirmsHarmOnlyBeyondTheUncertainty() {
    Incident same = counted(OPEN, accuracy(.9, 1), accuracy(.89, 2));
    Incident worse = counted(OPEN, accuracy(.9, 1), accuracy(.6, 2));

    assertThat(same.state()).isEqualTo(IncidentState.OPEN);
    assertThat(same.harm()).isPresent();
    assertThat(worse.state()).isEqualTo(IncidentState.HARM_CONFIRMED);
  }

  @Test
  void tellsOfHowManyOutcomesHarmWasRead() {
    Incident.Harm harm =
        IncidentMachine.after(
                OPEN, new IncidentEvent.OutcomesCounted(accuracy(.9, 1), accuracy(.6, 2), .25))
            .harm()
            .orElseThrow();

    assertThat(harm.read()).isEqualTo(.25);
    assertThat(counted(OPEN, harm.before(), harm.after()).harm().orElseThrow().read()).isEqualTo(1);
  }

  @Test
  void keepsConfirmedHarmAndCountsOn() {
    Incident worse = counted(OPEN, accuracy(.9, 1), accuracy(.6, 2));

    Incident later = counted(worse, accuracy(.9, 1), accuracy(.9, 3));
    Incident persisted = IncidentMachine.after(later, new IncidentEvent.Persisted(List.of()));

    assertThat(later.state()).isEqualTo(IncidentState.HARM_CONFIRMED);
    assertThat(persisted.confirmations()).isEqualTo(1);
  }

  @Test
  void staysResolved() {
    Incident resolved = IncidentMachine.after(OPEN, new IncidentEvent.Resolved("retrained"));

    assertThat(resolved.isOpen()).isFalse();
    assertThat(resolved.resolution()).isEqualTo("retrained");
    assertThat(IncidentMachine.after(resolved, new IncidentEvent.Persisted(List.of())))
        .isEqualTo(resolved);
  }

  private static Incident counted(Incident incident, Accuracy before, Accuracy after) {
    return IncidentMachine.after(incident, new IncidentEvent.OutcomesCounted(before, after));
  }

  /** One bad device of a few would stand for all. */
  @Test
  void confirmsHarmOfEightDevicesOnBothSidesAndOfNoFewer() {
    assertThat(counted(OPEN, accuracy(.9, 1, 7), accuracy(.6, 2, 17)).state())
        .isEqualTo(IncidentState.OPEN);
    assertThat(counted(OPEN, accuracy(.9, 1, 17), accuracy(.6, 2, 7)).state())
        .isEqualTo(IncidentState.OPEN);
    assertThat(counted(OPEN, accuracy(.9, 1, 8), accuracy(.6, 2, 8)).state())
        .isEqualTo(IncidentState.HARM_CONFIRMED);
  }

  /** A gateway that loses every value hides no wrong predictions. */
  @Test
  void remembersWrongPredictionsAmongAnyNumberOfLostValues() {
    List<Stream> lost =
        IntStream.range(0, 2 * Incident.BROKEN_MAX)
            .mapToObj(i -> new Stream("s" + i, Stream.Kind.QUALITY))
            .toList();
    Incident broken = IncidentMachine.after(OPEN, new IncidentEvent.Persisted(lost));
    Stream wrong = new Stream("$error", Stream.Kind.ERROR);

    Incident both = IncidentMachine.after(broken, new IncidentEvent.Persisted(List.of(wrong)));

    assertThat(both.broken())
        .hasSize(Incident.BROKEN_MAX)
        .extracting(Incident.Broken::stream)
        .contains(wrong);
    assertThat(both.page()).contains(Incident.Page.ACCURACY);
  }

  static Accuracy accuracy(double share, long seed) {
    return accuracy(share, seed, 17);
  }

  private static Accuracy accuracy(double share, long seed, int devices) {
    Random random = new Random(seed);
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < 900; i++) {
      boolean positive = i % 10 == 0;
      boolean right = random.nextDouble() < share;
      outcomes.add(
          new Outcome(new DeviceId("d" + i % devices), positive == right ? .9 : .1, positive));
    }
    return Accuracy.of(outcomes, .5).orElseThrow();
  }
}
