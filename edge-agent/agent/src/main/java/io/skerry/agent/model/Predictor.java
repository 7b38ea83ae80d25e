package io.skerry.agent.model;

import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers predictions with whatever version is active.
 *
 * <p>Thread-safe; runs are concurrent.
 */
public final class Predictor {
  private static final Logger log = LoggerFactory.getLogger(Predictor.class);

  private final ModelSlots slots;
  private final InstantSource clock;
  private final PredictionIds ids;
  private final PredictionListener listener;
  private final Mirror mirror;
  private final LongSupplier nanoTime;

  /**
   * Makes a predictor.
   *
   * @param random for prediction ids; used under a lock
   */
  public Predictor(
      ModelSlots slots, InstantSource clock, RandomGenerator random, PredictionListener listener) {
    this(slots, clock, System::nanoTime, random, listener, ShadowThread.started());
  }

  /**
   * Makes a predictor that measures with another counter, and runs what shadows elsewhere.
   *
   * @param nanoTime as {@link System#nanoTime}; the same that requests carry their times of
   * @param shadows runs copies of answered requests, one at a time; rejects those that it has no
   *     room for
   */
  public Predictor(
      ModelSlots slots,
      InstantSource clock,
      LongSupplier nanoTime,
      RandomGenerator random,
      PredictionListener listener,
      Executor shadows) {
    this.slots = slots;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.ids = new PredictionIds(clock, random);
    this.listener = listener;
    this.mirror = new Mirror(slots, clock, nanoTime, ids, listener, shadows);
  }

  /** Makes the client's form of an answer. */
  @FunctionalInterface
  public interface Encoder<T> {
    /**
     * Encodes the answer.
     *
     * @throws PredictException if it does not fit what the client asked for
     */
    T encode(Prediction prediction, ServingModel model) throws PredictException;
  }

  /**
   * Predicts, then tells the listener, then returns.
   *
   * @throws PredictException if no model answers for the name, the inputs do not fit it, or it
   *     fails
   */
  public Prediction predict(PredictRequest request) throws PredictException {
    List<Prediction> answered = new ArrayList<>(1);
    predict(request, answered::add);
    return answered.getFirst();
  }

  /**
   * Predicts, gives the answer away, and tells the listener only then.
   *
   * @throws PredictException as {@link #predict(PredictRequest)}; the answer was not called then
   */
  public void predict(PredictRequest request, Consumer<Prediction> answer) throws PredictException {
    try (RunScope scope = RunScope.lasting()) {
      predict(request, scope, (prediction, model) -> prediction, answer);
    }
  }

  /**
   * Predicts, encodes, counts, gives the encoded answer away, and tells the listener only then: who
   * has an answer finds it in the statistics.
   *
   * @param scope memory of the tensors; stopping it stops the run
   * @throws MustWaitException if the run would have to wait and the scope may not
   * @throws PredictException as {@link #predict(PredictRequest)}, or what the encoder throws; the
   *     answer was not called then
   */
  public <T> void predict(
      PredictRequest request, RunScope scope, Encoder<T> encoder, Consumer<T> answer)
      throws PredictException {
    Prediction prediction;
    T encoded;
    PredictionId id = ids.next();
    String key = request.key().isEmpty() ? id.value() : request.key();
    try (ModelLease lease =
        slots
            .acquire(request.model(), request.version(), key)
            .orElseThrow(() -> unknown(request))) {
      ServingModel model = lease.model();
      List<Tensor> inputs = Inputs.ordered(request, model);
      int batch = model.items(inputs);
      Instant at = clock.instant();
      long start = nanoTime.getAsLong();
      EngineRun run = run(request, model, scope, id, at, inputs, batch);
      List<Tensor> outputs = run.outputs();
      long encode = nanoTime.getAsLong();
      prediction =
          new Prediction(
              id,
              request.clientId(),
              model.ref(),
              inputs,
              outputs,
              at,
              encode - start,
              batch,
              run.waitedNanos());
      encoded = encoder.encode(prediction, model);
      model
          .counters()
          .answered(
              at.toEpochMilli(),
              batch,
              request.times().received(),
              request.times().started(),
              start,
              run,
              encode,
              nanoTime.getAsLong());
      model.judge(outputs);
    }
    try {
      answer.accept(encoded);
    } finally {
      tell(prediction);
      tell(() -> mirror.mirror(prediction, key));
    }
  }

  private EngineRun run(
      PredictRequest request,
      ServingModel model,
      RunScope scope,
      PredictionId id,
      Instant at,
      List<Tensor> inputs,
      int batch)
      throws PredictException {
    try {
      return model.run(inputs, scope);
    } catch (EngineException e) {
      if (e.reason() == Reason.STOPPED) {
        model.counters().cancelled(nanoTime.getAsLong() - request.times().received());
        throw new PredictException(PredictException.Code.CANCELLED, "the client has gone", e);
      }
      if (e.reason() == Reason.MUST_WAIT) {
        throw new MustWaitException(e);
      }
      if (e.reason() == Reason.NO_ROOM) {
        // Neither the model's fault nor ours.
        model.counters().rejected(nanoTime.getAsLong() - request.times().received());
        throw new PredictException(
            PredictException.Code.RESOURCE_EXHAUSTED,
            "%s is not run: %s".formatted(model.version(), message(e)),
            e);
      }
      if (e.reason() == Reason.INPUT_INVALID) {
        throw new PredictException(PredictException.Code.INVALID_ARGUMENT, message(e), e);
      }
      throw failure(request, model, id, at, batch, e);
    } catch (RuntimeException e) {
      throw failure(request, model, id, at, batch, e);
    }
  }

  private PredictException failure(
      PredictRequest request,
      ServingModel model,
      PredictionId id,
      Instant at,
      int batch,
      Exception cause) {
    model.counters().broke(nanoTime.getAsLong() - request.times().received());
    String reason = "%s failed: %s".formatted(model.version(), message(cause));
    tell(
        () ->
            listener.failed(
                new FailedPrediction(id, request.clientId(), model.ref(), reason, at, batch)));
    boolean memory =
        cause instanceof EngineException engine && engine.reason() == Reason.OUT_OF_MEMORY;
    return new PredictException(
        memory ? PredictException.Code.RESOURCE_EXHAUSTED : PredictException.Code.INTERNAL,
        reason,
        cause);
  }

  private PredictException unknown(PredictRequest request) {
    String message =
        request
            .version()
            .filter(version -> slots.find(request.model(), Optional.empty()).isPresent())
            .map(version -> "model '%s' has no version %d here".formatted(request.model(), version))
            .orElseGet(() -> "unknown model '%s'".formatted(request.model()));
    return new PredictException(PredictException.Code.NOT_FOUND, message);
  }

  private static String message(Exception e) {
    String message = e.getMessage();
    return message == null ? e.getClass().getSimpleName() : message;
  }

  // The same without a closure, which every answer would pay for.
  private void tell(Prediction prediction) {
    try {
      listener.predicted(prediction);
    } catch (RuntimeException | OutOfMemoryError e) {
      log.atWarn().setCause(e).log("prediction listener failed");
    }
  }

  /** Tells observers: an answer stands whatever they do. */
  static void tell(Runnable notification) {
    try {
      notification.run();
    } catch (RuntimeException | OutOfMemoryError e) {
      log.atWarn().setCause(e).log("prediction listener failed");
    }
  }
}
