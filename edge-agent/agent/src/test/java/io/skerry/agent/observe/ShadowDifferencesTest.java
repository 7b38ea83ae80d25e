package io.skerry.agent.observe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.skerry.agent.model.ModelRef;
import io.skerry.agent.model.Prediction;
import io.skerry.agent.model.PredictionId;
import io.skerry.artifact.ElementType;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import io.skerry.wire.fleet.v1.Differences;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

class ShadowDifferencesTest {
  private static final ShadowDifferences.Told ALL =
      (output, numeric) -> Optional.of(DoubleUnaryOperator.identity());

  private final ShadowDifferences differences = new ShadowDifferences();

  private Differences compare(Tensor one, Tensor other) {
    differences.compare(prediction(1, one), prediction(2, other), Optional.empty(), ALL);
    return differences.seal().orElseThrow();
  }

  private static Prediction prediction(long version, Tensor output) {
    return new Prediction(
        new PredictionId("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        "",
        new ModelRef(
            new SlotId("s" + version),
            new ModelVersion(new ModelName("m"), version),
            Digest.of(new byte[] {(byte) version})),
        List.of(),
        List.of(output),
        Instant.EPOCH,
        version * 1_000_000);
  }

  private static Tensor rows(float... values) {
    return Tensor.ofFloats("y", List.of(values.length / 2L, 2L), values);
  }

  @Test
  void addsUpWhatDiffersAndHowLongBothTook() {
    Differences sums = compare(rows(1, 2, 3, 5), rows(1.5f, 2, 3, 4));

    assertThat(sums.getCompared()).isEqualTo(1);
    assertThat(sums.getAgreed()).isEqualTo(1);
    assertThat(sums.getElements()).isEqualTo(4);
    assertThat(sums.getAbsoluteSum()).isEqualTo(1.5, within(1e-6));
    assertThat(sums.getAbsoluteMax()).isEqualTo(1);
    assertThat(sums.getPrimaryMicros()).isEqualTo(1000);
    assertThat(sums.getShadowMicros()).isEqualTo(2000);
    assertThat(sums.getPrimary().getVersion()).isEqualTo(1);
  }

  @Test
  void anotherHighestElementInAnyRowDisagrees() {
    assertThat(compare(rows(1, 2, 3, 5), rows(1, 2, 6, 5)).getAgreed()).isZero();
  }

  @Test
  void singleNumbersAgreeWithinOneInAThousand() {
    assertThat(compare(single(1000), single(1000.9f)).getAgreed()).isEqualTo(1);
    assertThat(compare(single(1000), single(1002)).getAgreed()).isZero();
  }

  private static Tensor single(float value) {
    return Tensor.ofFloats("y", List.of(1L), value);
  }

  @Test
  void aScoreDecidesWhereThereIsOne() {
    differences.compare(
        prediction(1, single(0.4f)),
        prediction(2, single(0.2f)),
        Optional.of(new ShadowDifferences.Scores(0.4f, 0.2f, 0.5)),
        ALL);
    differences.compare(
        prediction(1, single(0.4f)),
        prediction(2, single(0.6f)),
        Optional.of(new ShadowDifferences.Scores(0.4f, 0.6f, 0.5)),
        ALL);

    assertThat(differences.seal().orElseThrow().getAgreed()).isEqualTo(1);
  }

  @Test
  void whatIsNoNumberOrHasAnotherShapeCannotBeCompared() {
    assertThat(compare(rows(1, 2), rows(Float.NaN, 2)).getIncomparable()).isEqualTo(1);
    assertThat(compare(rows(1, 2), rows(1, 2, 3, 4)).getIncomparable()).isEqualTo(1);
    assertThat(compare(rows(1, 2), single(1)).getAgreed()).isZero();
    assertThat(compare(rows(Float.POSITIVE_INFINITY, 2), rows(Float.POSITIVE_INFINITY, 2)))
        .extracting(Differences::getIncomparable, Differences::getAbsoluteMax)
        .containsExactly(0L, 0.0);
  }

  @Test
  void readsSignsAsTheTypeSays() {
    Tensor zero = new Tensor("y", ElementType.UINT8, List.of(1L), ByteBuffer.wrap(new byte[1]));
    Tensor high = new Tensor("y", ElementType.UINT8, List.of(1L), ByteBuffer.wrap(new byte[] {-1}));

    assertThat(compare(zero, high).getAbsoluteMax()).isEqualTo(255);
  }

  @Test
  void sealingBeginsAnew() {
    compare(rows(1, 2), rows(1, 2));
    differences.leaveOut();

    assertThat(differences.seal().orElseThrow())
        .isEqualTo(Differences.newBuilder().setUnmirrored(1).build());
    assertThat(differences.seal()).isEmpty();
  }
}
