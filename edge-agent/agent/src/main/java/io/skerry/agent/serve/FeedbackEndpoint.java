package io.skerry.agent.serve;

import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.model.PredictionId;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.agent.v1.SubmitFeedbackRequest;
import io.skerry.wire.agent.v1.SubmitFeedbackResponse;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The FeedbackService. Outcomes are written to disk by one thread of its own: neither the
 * transport's threads nor those that predict wait for that.
 */
final class FeedbackEndpoint extends FeedbackServiceGrpc.FeedbackServiceImplBase
    implements AutoCloseable {
  /** Outcomes that may wait to be written. */
  static final int WAITING_MAX = 1_024;

  private static final Logger log = LoggerFactory.getLogger(FeedbackEndpoint.class);
  private static final int IDLE_SECONDS = 10;
  private static final int CLIENT_ID_CHARACTERS_MAX = 256;

  // Finds another unit without trusting this device's clock, which may not be set yet; the control
  // plane judges by its own.
  private static final long OUTCOME_AT_MILLIS_MAX =
      Instant.parse("2101-01-01T00:00:00Z").toEpochMilli();

  private final FeedbackSink sink;
  private final InstantSource clock;
  private final ThreadPoolExecutor writing;

  FeedbackEndpoint(FeedbackSink sink, InstantSource clock) {
    this.sink = sink;
    this.clock = clock;
    this.writing =
        new ThreadPoolExecutor(
            0,
            1,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(WAITING_MAX),
            Thread.ofPlatform().name("agent-feedback").factory());
  }

  @Override
  public void submitFeedback(
      SubmitFeedbackRequest request, StreamObserver<SubmitFeedbackResponse> observer) {
    Optional<String> mistake = mistake(request);
    if (mistake.isPresent()) {
      observer.onError(Status.INVALID_ARGUMENT.withDescription(mistake.get()).asException());
      return;
    }
    Runnable submission = () -> submit(feedback(request), observer);
    try {
      writing.execute(submission);
    } catch (RejectedExecutionException full) {
      observer.onError(full());
    } catch (OutOfMemoryError noThread) {
      // It may wait already; it is answered once.
      if (writing.remove(submission)) {
        observer.onError(full());
      }
    }
  }

  /** Writes what was taken, and takes no more. */
  @Override
  public void close() {
    writing.shutdown();
  }

  private void submit(Feedback feedback, StreamObserver<SubmitFeedbackResponse> observer) {
    try {
      switch (sink.submit(feedback)) {
        case JOINED -> answer(observer, true);
        case TAKEN -> answer(observer, false);
        case FULL -> observer.onError(full());
        case DAY_FULL -> observer.onError(dayFull());
      }
    } catch (RuntimeException | Error e) {
      // Whatever one outcome meets, its caller is answered, and the thread takes the next.
      log.atError().setCause(e).log("feedback was not taken");
      observer.onError(Status.INTERNAL.withDescription("feedback was not taken").asException());
    }
  }

  private static StatusException full() {
    return Status.RESOURCE_EXHAUSTED
        .withDescription("no room for feedback now; try again later")
        .asException();
  }

  private static StatusException dayFull() {
    return Status.RESOURCE_EXHAUSTED
        .withDescription(
            "the day's bytes for outcomes are used up; send it again after 00:00 UTC, or give it to"
                + " the control plane (POST /v1/feedback)")
        .asException();
  }

  private static void answer(StreamObserver<SubmitFeedbackResponse> observer, boolean joined) {
    observer.onNext(SubmitFeedbackResponse.newBuilder().setJoined(joined).build());
    observer.onCompleted();
  }

  private Feedback feedback(SubmitFeedbackRequest request) {
    Instant at =
        request.getOutcomeAtMillis() == 0
            ? clock.instant()
            : Instant.ofEpochMilli(request.getOutcomeAtMillis());
    return new Feedback(request.getPredictionId(), request.getClientId(), request.getActual(), at);
  }

  private static Optional<String> mistake(SubmitFeedbackRequest request) {
    if (!Double.isFinite(request.getActual())) {
      return Optional.of("actual is " + request.getActual() + ", a finite number is needed");
    }
    if (request.getOutcomeAtMillis() < 0) {
      return Optional.of("outcome_at_millis is before 1970");
    }
    if (request.getOutcomeAtMillis() > OUTCOME_AT_MILLIS_MAX) {
      return Optional.of(
          "outcome_at_millis is %d, after the year 2100: it takes milliseconds since 1970, not micro- or nanoseconds"
              .formatted(request.getOutcomeAtMillis()));
    }
    return switch (request.getPredictionCase()) {
      case PREDICTION_ID ->
          PredictionId.isValid(request.getPredictionId())
              ? Optional.empty()
              : Optional.of("prediction_id is not the skerry_prediction_id of an answer");
      case CLIENT_ID ->
          request.getClientId().isEmpty()
                  || request.getClientId().length() > CLIENT_ID_CHARACTERS_MAX
              ? Optional.of(
                  "client_id must have 1 to %d characters".formatted(CLIENT_ID_CHARACTERS_MAX))
              : Optional.empty();
      case PREDICTION_NOT_SET -> Optional.of("name the prediction: set prediction_id or client_id");
    };
  }
}
