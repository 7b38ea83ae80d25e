package io.skerry.control.drift;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.telemetry.drift.Cohort;
import io.skerry.telemetry.drift.DriftFinding;
import io.skerry.telemetry.drift.EffectSize;
import io.skerry.telemetry.drift.Estimate;
import io.skerry.telemetry.drift.Stream;
import io.skerry.telemetry.drift.Stream.Kind;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class EffectWordsTest {
  @Test
  void tellsEachKindInItsOwnUnit() {
    assertThat(EffectWords.of(finding("f0", Kind.QUALITY)))
        .isEqualTo("missing or impossible values +9.0 points (+8.0 to +10.0)");
    assertThat(EffectWords.of(finding("$error", Kind.ERROR)))
        .isEqualTo("wrong predictions +9.0 points (+8.0 to +10.0)");
    assertThat(EffectWords.of(finding("$class:1", Kind.SHARE)))
        .isEqualTo("share of $class:1 +9.0 points (+8.0 to +10.0)");
    assertThat(EffectWords.of(finding("f0", Kind.SCALE)))
        .isEqualTo("spread +0.090 of training's scale (+0.080 to +0.100)");
    assertThat(EffectWords.of(finding("f0", Kind.LOCATION)))
        .isEqualTo("mean +0.090 of training's scale (+0.080 to +0.100)");
    assertThat(EffectWords.shiftSigma(finding("f0", Kind.LOCATION))).isNull();
  }

  @Test
  void tellsDeviationsOfAMeanOnly() {
    long[] counts = IntStream.range(0, 4).mapToLong(bin -> 100).toArray();
    EffectSize size = EffectSize.of(counts, counts, Estimate.around(1.25, .1));

    assertThat(EffectWords.of(finding("f0", Kind.LOCATION, size)))
        .isEqualTo("mean +1.3 standard deviations");
    assertThat(EffectWords.of(finding("f0", Kind.SCALE, size))).startsWith("spread +0.090");
  }

  private static DriftFinding finding(String stream, Kind kind) {
    return finding(stream, kind, EffectSize.NONE);
  }

  private static DriftFinding finding(String name, Kind kind, EffectSize size) {
    Stream stream = new Stream(name, kind);
    Cohort cohort = new Cohort("site", "b");
    return new DriftFinding(
        cohort,
        name,
        stream,
        10,
        10,
        12,
        new Estimate(.09, .08, .1),
        size,
        8,
        8,
        100,
        1,
        12,
        10,
        cohort,
        stream,
        null);
  }
}
