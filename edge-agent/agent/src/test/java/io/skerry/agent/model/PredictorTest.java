package io.skerry.agent.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.skerry.agent.FakeModel;
import io.skerry.agent.model.PredictException.Code;
import io.skerry.protocol.Digest;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.runtime.Tensor;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PredictorTest {
  private static final ModelName NAME = new ModelName("m");
  private static final SlotId MAIN = new SlotId("main");
  private static final Tensor INPUT = Tensor.ofFloats("input", List.of(1L, 3L), 1, 2, 3);
  private static final Tensor OFFSET = Tensor.ofFloats("offset", List.of(1L), 10);
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");

  private final ModelSlots slots = new ModelSlots();
  private final Recorder recorder = new Recorder();
  private final Predictor predictor =
      new Predictor(slots, InstantSource.fixed(NOW), new SplittableRandom(1), recorder);

  @Test
  void answersAndTellsTheListener() throws Exception {
    ServingModel model = activate(FakeModel.answering());

    Prediction prediction =
        predictor.predict(PredictRequest.of(NAME, "mine", List.of(INPUT, OFFSET)));

    assertThat(prediction.outputs().getFirst().floats()).containsExactly(12, 14, 16);
    assertThat(prediction.clientId()).isEqualTo("mine");
    assertThat(prediction.model()).isEqualTo(model.ref());
    assertThat(prediction.at()).isEqualTo(NOW);
    assertThat(recorder.predicted).containsExactly(prediction);
    assertThat(model.predictions()).isEqualTo(1);
    assertThat(model.predictionsFailed()).isZero();
  }

  @Test
  void takesInputsInAnyOrder() throws Exception {
    activate(FakeModel.answering());

    Prediction prediction = predictor.predict(PredictRequest.of(NAME, "", List.of(OFFSET, INPUT)));

    assertThat(prediction.inputs()).extracting(Tensor::name).containsExactly("input", "offset");
  }

  @Test
  void tellsTheListenerAfterTheAnswerWasGiven() throws Exception {
    activate(FakeModel.answering());
    List<Integer> toldBefore = new ArrayList<>();

    predictor.predict(
        PredictRequest.of(NAME, "", List.of(INPUT, OFFSET)),
        answer -> toldBefore.add(recorder.predicted.size()));

    assertThat(toldBefore).containsExactly(0);
    assertThat(recorder.predicted).hasSize(1);
  }

  @Test
  void idsAreUlidsThatOnlyGrow() throws Exception {
    activate(FakeModel.answering());

    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      ids.add(predictor.predict(PredictRequest.of(NAME, "", List.of(INPUT, OFFSET))).id().value());
    }

    // 2026-01-02T03:04:05Z in milliseconds, in Crockford's base 32.
    assertThat(ids).isSorted().doesNotHaveDuplicates().allMatch(id -> id.startsWith("01KDYAK348"));
  }

  @Test
  void aListenerThatThrowsDoesNotFailThePrediction() throws Exception {
    activate(FakeModel.answering());
    recorder.throwing = true;

    assertThat(predictor.predict(PredictRequest.of(NAME, "", List.of(INPUT, OFFSET))).outputs())
        .hasSize(1);
  }

  @Test
  void aRunThatFailsIsCountedAndTold() {
    ServingModel model = activate(FakeModel.failing());

    PredictException failure = failure(PredictRequest.of(NAME, "mine", List.of(INPUT, OFFSET)));

    assertThat(failure.code()).isEqualTo(Code.INTERNAL);
    assertThat(failure).hasMessage("m@1 failed: the device is on fire");
    assertThat(model.predictions()).isEqualTo(1);
    assertThat(model.predictionsFailed()).isEqualTo(1);
    assertThat(recorder.failed)
        .singleElement()
        .satisfies(told -> assertThat(told.clientId()).isEqualTo("mine"));
  }

  @Test
  void aBadRequestIsNoFailureOfTheModel() {
    ServingModel model = activate(FakeModel.answering());
    Tensor shape = Tensor.ofFloats("input", List.of(1L, 2L), 1, 2);
    Tensor unknown = Tensor.ofFloats("inptu", List.of(1L, 3L), 1, 2, 3);

    for (List<Tensor> inputs :
        List.of(
            List.of(INPUT),
            List.of(shape, OFFSET),
            List.of(unknown, OFFSET),
            List.of(INPUT, INPUT, OFFSET))) {
      assertThat(failure(PredictRequest.of(NAME, "", inputs)).code())
          .isEqualTo(Code.INVALID_ARGUMENT);
    }

    assertThat(model.predictions()).isZero();
    assertThat(recorder.failed).isEmpty();
  }

  @Test
  void namesWhatIsNotThere() {
    activate(FakeModel.answering());

    assertThatThrownBy(
            () -> predictor.predict(PredictRequest.of(new ModelName("x"), "", List.of())))
        .hasMessage("unknown model 'x'");
    assertThatThrownBy(
            () -> predictor.predict(new PredictRequest(NAME, Optional.of(7L), "", List.of())))
        .hasMessage("model 'm' has no version 7 here");
  }

  private PredictException failure(PredictRequest request) {
    return catchThrowableOfType(PredictException.class, () -> predictor.predict(request));
  }

  private ServingModel activate(FakeModel model) {
    ServingModel serving =
        new ServingModel(MAIN, new ModelVersion(NAME, 1), Digest.of(new byte[0]), model);
    slots.activate(MAIN, serving);
    return serving;
  }

  private static final class Recorder implements PredictionListener {
    private final List<Prediction> predicted = new ArrayList<>();
    private final List<FailedPrediction> failed = new ArrayList<>();
    private boolean throwing;

    @Override
    public void predicted(Prediction prediction) {
      if (throwing) {
        throw new IllegalStateException("listener broke");
      }
      predicted.add(prediction);
    }

    @Override
    public void failed(FailedPrediction failure) {
      failed.add(failure);
    }
  }
}
