package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.agent.EchoModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.SlotMode;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PipelinesTest {
  private static final ModelName LINE = new ModelName("line");
  private static final String TWO_STEPS =
      """
      inputs: [raw]
      steps:
        - model: prepare
          inputs: {x: raw}
          outputs: {y: between}
        - model: judge
          inputs: {x: between}
          outputs: {y: verdict}
      outputs: [verdict, between]
      """;

  @TempDir Path folder;
  private final ModelSlots slots = new ModelSlots();
  private final Predictor predictor =
      new Predictor(
          slots, InstantSource.system(), new SplittableRandom(1), PredictionListener.NONE);

  private Pipelines serve(String yaml) throws IOException {
    Path home = Files.createDirectories(folder.resolve("line"));
    Files.writeString(home.resolve(Pipelines.FILE), yaml);
    return Pipelines.serve(folder, slots);
  }

  private static ModelSlots.Change step(String name, long version, LoadedModel model) {
    SlotId slot = new SlotId(name);
    return new ModelSlots.Change(
        slot,
        Optional.of(
            new ServingModel(
                slot,
                new ModelVersion(new ModelName(name), version),
                Digest.of(new byte[] {(byte) version}),
                model)),
        new SlotMode.Active());
  }

  private void both(int factor) {
    slots.change(
        List.of(
            step("prepare", factor, new Scale(factor)), step("judge", factor, new Scale(factor))));
  }

  private List<Tensor> predict(float value) throws PredictException {
    return predict(LINE, value);
  }

  private List<Tensor> predict(ModelName name, float value) throws PredictException {
    return predictor
        .predict(PredictRequest.of(name, "", List.of(Tensor.ofFloats("raw", List.of(1L), value))))
        .outputs();
  }

  @Test
  void runsItsStepsOneAfterTheOther() throws Exception {
    both(3);

    assertThat(serve(TWO_STEPS).faults()).isEmpty();

    List<Tensor> outputs = predict(2);
    assertThat(outputs).extracting(Tensor::name).containsExactly("verdict", "between");
    assertThat(outputs.get(0).floats()).containsExactly(18);
    assertThat(outputs.get(1).floats()).containsExactly(6);
    assertThat(slots.active(new SlotId("judge")).orElseThrow().predictions()).isEqualTo(1);
  }

  @Test
  void itsStepsCountTheItemsThatTheyAreGiven() throws Exception {
    slots.change(List.of(step("echo", 1, EchoModel.of(ElementType.FP32))));
    serve(
        """
        inputs: [raw]
        steps:
          - model: echo
            inputs: {x: raw}
            outputs: {x_out: made}
        outputs: [made]
        """);

    predictor.predict(
        PredictRequest.of(
            LINE, "", List.of(Tensor.ofFloats("raw", List.of(3L, 2L), 1, 2, 3, 4, 5, 6))));

    ModelStatistics statistics = slots.active(new SlotId("echo")).orElseThrow().statistics();
    assertThat(statistics.inferences()).isEqualTo(3);
    assertThat(statistics.executions()).isEqualTo(1);
    assertThat(statistics.batches()).containsOnlyKeys(3);
  }

  @Test
  void aStepBeforeOneThatMustWaitCountsOnce() throws Exception {
    slots.change(
        List.of(
            step("prepare", 2, new Scale(2)),
            step(
                "judge",
                2,
                new WrappedModel(new Scale(2)) {
                  @Override
                  public List<Tensor> run(List<Tensor> inputs, RunScope scope)
                      throws EngineException {
                    scope.requireMayWait();
                    return model.run(inputs, scope);
                  }
                })));
    serve(TWO_STEPS);
    PredictRequest request =
        PredictRequest.of(LINE, "", List.of(Tensor.ofFloats("raw", List.of(1L), 1)));
    ServingModel prepare = slots.active(new SlotId("prepare")).orElseThrow();
    RunScope here = RunScope.lasting();
    here.mayNotWait();

    assertThatThrownBy(() -> predictor.predict(request, here, (made, model) -> made, answer -> {}))
        .isInstanceOf(MustWaitException.class);
    assertThat(prepare.predictions()).isZero();

    assertThat(predictor.predict(request).outputs().getFirst().floats()).containsExactly(4);
    assertThat(prepare.predictions()).isEqualTo(1);
  }

  @Test
  void answersAsSoonAsAllItsStepsAreThereAndNoLonger() throws Exception {
    Pipelines pipelines = serve(TWO_STEPS);
    assertThat(pipelines.faults()).containsEntry("line", "step 'prepare' has no model here");
    assertThatThrownBy(() -> predict(1)).hasMessageContaining("unknown model 'line'");

    both(2);
    assertThat(predict(1).getFirst().floats()).containsExactly(4);

    slots.remove(new SlotId("judge"));
    assertThat(pipelines.faults()).containsEntry("line", "step 'judge' has no model here");
    assertThatThrownBy(() -> predict(1)).hasMessageContaining("unknown model 'line'");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Line", "a-name-of-a-line-that-is-longer-than-fits-behind-the-word-pipe"})
  void servesUnderEveryNameThatAModelMayHave(String name) throws Exception {
    both(2);
    Path home = Files.createDirectories(folder.resolve(name));
    Files.writeString(home.resolve(Pipelines.FILE), TWO_STEPS);
    serve(TWO_STEPS);

    assertThat(predict(LINE, 1).getFirst().floats()).containsExactly(4);
    assertThat(predict(new ModelName(name), 1).getFirst().floats()).containsExactly(4);
  }

  @Test
  void aStepIsSwappedAlone() throws Exception {
    both(2);
    serve(TWO_STEPS);

    slots.change(List.of(step("judge", 3, new Scale(10))));

    assertThat(predict(1).getFirst().floats()).containsExactly(20);
  }

  @Test
  void neverAnswersWithAMixtureOfAUnit() throws Exception {
    both(1);
    serve(TWO_STEPS);
    AtomicBoolean ended = new AtomicBoolean();
    FutureTask<Integer> asking =
        new FutureTask<>(
            () -> {
              int asked = 0;
              while (!ended.get() || asked < 1000) {
                List<Tensor> outputs = predict(1);
                float once = outputs.get(1).floats()[0];
                assertThat(outputs.get(0).floats()[0]).isEqualTo(once * once);
                asked++;
              }
              return asked;
            });
    Thread.ofPlatform().daemon().start(asking);

    for (int i = 0; i < 3000; i++) {
      both(1 + i % 50);
    }
    ended.set(true);

    assertThat(asking.get()).isPositive();
  }

  @Test
  void aFailingStepIsNamedAndCounted() throws Exception {
    both(2);
    serve(TWO_STEPS);
    slots.change(List.of(step("judge", 7, new Scale(Float.NaN))));

    assertThatThrownBy(() -> predict(1))
        .hasMessageContaining("judge@7")
        .hasMessageContaining("on fire");
    assertThat(slots.active(new SlotId("judge")).orElseThrow().predictionsFailed()).isEqualTo(1);
    assertThat(slots.active(new SlotId("prepare")).orElseThrow().predictionsFailed()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "y: between|y: raw|makes 'raw', which is there already",
        "x: between|x: later|takes 'later', which neither",
        "[verdict, between]|[nothing]|output 'nothing' is made by no step",
        "[raw]|[]|needs inputs",
        "model: judge|model: line|is the pipeline itself",
        "model: judge|modle: judge|key 'modle' is unknown",
        "x: between|z: between|is given nothing for its input 'x'",
        "y: verdict|z: verdict|has no output 'z'",
        "steps:|steps: [|is no YAML",
      })
  void tellsWhatIsWrongAndServesNothing(String part, String wrong, String fault) throws Exception {
    both(2);

    assertThat(serve(TWO_STEPS.replace(part, wrong)).faults().get("line")).contains(fault);
    assertThat(slots.find(LINE, Optional.empty())).isEmpty();
  }

  @Test
  void refusesStepsWhoseTensorsDoNotFit() throws Exception {
    slots.change(
        List.of(
            step("prepare", 1, new Scale(1)),
            step("judge", 1, EchoModel.of(new TensorSpec("x", ElementType.INT8, List.of(1L))))));

    assertThat(serve(TWO_STEPS.replace("y: verdict", "x: verdict")).faults().get("line"))
        .contains("wants INT8 [1] for its input 'x', and 'between' is FP32 [1]");
  }

  /** One number times a factor; fails when that is none. */
  private record Scale(float factor) implements LoadedModel {
    @Override
    public String engine() {
      return "scale";
    }

    @Override
    public ModelSignature signature() {
      return new ModelSignature(
          List.of(new TensorSpec("x", ElementType.FP32, List.of(1L))),
          List.of(new TensorSpec("y", ElementType.FP32, List.of(1L))));
    }

    @Override
    public List<String> providers() {
      return List.of("cpu");
    }

    @Override
    public List<Tensor> run(List<Tensor> inputs) throws EngineException {
      if (Float.isNaN(factor)) {
        throw new EngineException(Reason.RUN_FAILED, "on fire");
      }
      return List.of(Tensor.ofFloats("y", List.of(1L), inputs.getFirst().floats()[0] * factor));
    }

    @Override
    public void close() {}
  }
}
