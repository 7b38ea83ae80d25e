package io.skerry.agent.serve;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import io.skerry.agent.model.PredictionId;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.agent.v1.SubmitFeedbackRequest;
import io.skerry.wire.agent.v1.SubmitFeedbackResponse;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The FeedbackService. */
final class FeedbackEndpoint extends FeedbackServiceGrpc.FeedbackServiceImplBase {
  private static final Logger log = LoggerFactory.getLogger(FeedbackEndpoint.class);
  private static final int CLIENT_ID_CHARACTERS_MAX = 256;

  private final FeedbackSink sink;
  private final InstantSource clock;
  private final Executor writing;

  FeedbackEndpoint(FeedbackSink sink, InstantSource clock, Executor writing) {
    this.sink = sink;
    this.clock = clock;
    this.writing = writing;
  }

  @Override
  public void submitFeedback(
      SubmitFeedbackRequest request, StreamObserver<SubmitFeedbackResponse> observer) {
    Optional<String> mistake = mistake(request);
    if (mistake.isPresent()) {
      observer.onError(Status.INVALID_ARGUMENT.withDescription(mistake.get()).asException());
      return;
    }
    // It is written to disk, which the transport's thread must not wait for.
    writing.execute(() -> submit(feedback(request), observer));
  }

  private void submit(Feedback feedback, StreamObserver<SubmitFeedbackResponse> observer) {
    try {
      switch (sink.submit(feedback)) {
        case JOINED -> answer(observer, true);
        case TAKEN -> answer(observer, false);
        case FULL ->
            observer.onError(
                Status.RESOURCE_EXHAUSTED
                    .withDescription("no room for feedback now; try again later")
                    .asException());
      }
    } catch (RuntimeException e) {
      log.atError().setCause(e).log("feedback was not taken");
      observer.onError(Status.INTERNAL.withDescription("feedback was not taken").asException());
    }
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
