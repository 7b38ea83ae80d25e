package io.skerry.agent.update;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.GoldenCase;
import io.skerry.artifact.GoldenSet;
import io.skerry.artifact.GoldenTensor;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.artifact.Tolerance;
import io.skerry.profile.HardwareProfile;
import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.ErrorCode;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AcceptanceTest {
  private static final ModelVersion VERSION = new ModelVersion(new ModelName("engine-health"), 2);
  private static final HardwareProfile PROFILE =
      ProfileCatalog.builtIn().profile("x86-64-avx2").orElseThrow();
  private static final GoldenSet GOLDEN =
      new GoldenSet(
          new Tolerance(1e-4, 0),
          List.of(
              new GoldenCase(
                  List.of(GoldenTensor.ofFloats("input", List.of(2L), 1, 2)),
                  List.of(GoldenTensor.ofFloats("output", List.of(2L), 1, 2)))));

  private final AtomicLong nanos = new AtomicLong();
  private final Acceptance acceptance = new Acceptance(nanos::get);

  /** Answers with these outputs; every run takes the time that the script says. */
  private final class Scripted implements LoadedModel {
    private final List<Tensor> outputs;
    private final long[] micros;
    private int runs;

    Scripted(List<Tensor> outputs, long... micros) {
      this.outputs = outputs;
      this.micros = micros;
    }

    @Override
    public String engine() {
      return "scripted";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("input", ElementType.FP32, List.of(2L))),
          List.of(new TensorSpec("output", ElementType.FP32, List.of(2L))));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) {
      if (micros.length > 0) {
        nanos.addAndGet(1000 * micros[runs % micros.length]);
      }
      runs++;
      return outputs;
    }

    @Override
    public void close() {}
  }

  private static Tensor output(String name, float... values) {
    return Tensor.ofFloats(name, List.of((long) values.length), values);
  }

  /** Integers of 255 steps beside a probability. */
  @Test
  void holdsEachOutputToItsOwnTolerance() {
    GoldenSet golden =
        new GoldenSet(
            new Tolerance(12.75, 0),
            Map.of("output", new Tolerance(0.05, 0)),
            List.of(
                new GoldenCase(
                    List.of(GoldenTensor.ofFloats("input", List.of(2L), 1, 2)),
                    List.of(
                        GoldenTensor.ofFloats("output", List.of(1L), 0.9f),
                        GoldenTensor.ofFloats("steps", List.of(1L), 90)))));

    assertThatCode(
            () ->
                Acceptance.checkGolden(
                    VERSION,
                    new Scripted(List.of(output("output", 0.92f), output("steps", 101))),
                    golden))
        .doesNotThrowAnyException();
    assertThat(
            catchThrowableOfType(
                UpdateException.class,
                () ->
                    Acceptance.checkGolden(
                        VERSION,
                        new Scripted(List.of(output("output", 0), output("steps", 90))),
                        golden)))
        .hasMessageContaining("output 'output' has 0.0");
  }

  /** The number of a class, of which a case expects nothing where it is a near tie. */
  @Test
  void holdsNoOutputToWhatACaseDoesNotExpect() {
    GoldenCase whole =
        new GoldenCase(
            List.of(GoldenTensor.ofFloats("input", List.of(2L), 1, 2)),
            List.of(
                GoldenTensor.ofFloats("output", List.of(1L), 0.9f),
                GoldenTensor.ofFloats("class", List.of(1L), 3)));
    GoldenCase part = new GoldenCase(whole.inputs(), whole.outputs().subList(0, 1));
    Scripted turned = new Scripted(List.of(output("output", 0.9f), output("class", 700)));

    assertThatCode(
            () ->
                Acceptance.checkGolden(
                    VERSION, turned, new GoldenSet(new Tolerance(0.05, 0), List.of(part))))
        .doesNotThrowAnyException();
    assertThat(
            catchThrowableOfType(
                UpdateException.class,
                () ->
                    Acceptance.checkGolden(
                        VERSION,
                        turned,
                        new GoldenSet(new Tolerance(0.05, 0), List.of(part, whole)))))
        .hasMessageContaining("output 'class' has 700.0");
  }

  private static UpdateException golden(LoadedModel model) {
    return catchThrowableOfType(
        UpdateException.class, () -> Acceptance.checkGolden(VERSION, model, GOLDEN));
  }

  private UpdateException latency(LoadedModel model) {
    return catchThrowableOfType(
        UpdateException.class, () -> acceptance.checkLatency(VERSION, model, GOLDEN, PROFILE));
  }

  @Test
  void takesAModelThatGivesTheGoldenOutputs() {
    assertThatCode(
            () ->
                Acceptance.checkGolden(
                    VERSION, new Scripted(List.of(output("output", 1, 2))), GOLDEN))
        .doesNotThrowAnyException();
  }

  @Test
  void refusesOtherNumbersShapesNamesAndWhatIsNoNumber() {
    for (Tensor wrong :
        List.of(
            output("output", 1, 2.5f),
            output("output", 1, 2, 3),
            output("output", Float.NaN, 2),
            output("other", 1, 2))) {
      assertThat(golden(new Scripted(List.of(wrong))).code())
          .as(wrong.toString())
          .isEqualTo(ErrorCode.GOLDEN_MISMATCH);
    }
    assertThat(golden(new Scripted(List.of()))).hasMessageContaining("missing");
  }

  @Test
  void refusesAModelThatIsTooSlowInEveryRound() {
    UpdateException refused = latency(new Scripted(List.of(output("output", 1, 2)), 10_001));

    assertThat(PROFILE.latencyBudget()).isEqualTo(Duration.ofMillis(10));
    assertThat(refused.code()).isEqualTo(ErrorCode.ACCEPTANCE_LATENCY);
    assertThat(refused).hasMessageContaining("10001 µs", "x86-64-avx2 allows 10000 µs");
  }

  @Test
  void aBusyDeviceDoesNotMakeAModelSlow() {
    // A few runs are held up; and in another model's case a whole round is.
    long[] someHeldUp = {100, 100, 90_000, 100, 50_000};
    long[] firstRound = new long[2 + 2 * Acceptance.RUNS];
    for (int i = 0; i < firstRound.length; i++) {
      firstRound[i] = i < 2 + Acceptance.RUNS ? 20_000 : 9_999;
    }

    for (long[] micros : List.of(someHeldUp, firstRound)) {
      Scripted model = new Scripted(List.of(output("output", 1, 2)), micros);
      assertThatCode(() -> acceptance.checkLatency(VERSION, model, GOLDEN, PROFILE))
          .doesNotThrowAnyException();
    }
  }

  @Test
  void aHopelessModelDoesNotHoldTheDeviceForMinutes() {
    Scripted model = new Scripted(List.of(output("output", 1, 2)), 10_000_000);

    assertThat(latency(model).code()).isEqualTo(ErrorCode.ACCEPTANCE_LATENCY);
    assertThat(model.runs).isLessThanOrEqualTo(2 + Acceptance.ROUNDS * 3);
  }
}
