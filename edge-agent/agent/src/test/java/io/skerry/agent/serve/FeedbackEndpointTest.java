package io.skerry.agent.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.util.concurrent.ListenableFuture;
import io.skerry.agent.FakeModel;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc;
import io.skerry.wire.agent.v1.FeedbackServiceGrpc.FeedbackServiceFutureStub;
import io.skerry.wire.agent.v1.SubmitFeedbackRequest;
import io.skerry.wire.agent.v1.SubmitFeedbackResponse;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A disk that takes its time, and sinks that break. */
class FeedbackEndpointTest {
  private static final SubmitFeedbackRequest OUTCOME =
      SubmitFeedbackRequest.newBuilder().setClientId("mine").setActual(1).build();

  @Test
  void predictionsDoNotWaitForADiskAndNoMoreOutcomesThanABoundDo() throws Exception {
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch go = new CountDownLatch(1);
    FeedbackSink slow =
        outcome -> {
          writing.countDown();
          try {
            go.await();
          } catch (InterruptedException e) {
            return FeedbackSink.Receipt.FULL;
          }
          return FeedbackSink.Receipt.TAKEN;
        };
    List<ListenableFuture<SubmitFeedbackResponse>> outcomes = new ArrayList<>();
    try (TestServer server =
        TestServer.start(
                config -> config.withBounds(bounds(2 * FeedbackEndpoint.WAITING_MAX)),
                served -> served.withFeedback(slow))
            .with("m", FakeModel.answering())) {
      FeedbackServiceFutureStub stub = FeedbackServiceGrpc.newFutureStub(server.client().channel());
      outcomes.add(stub.submitFeedback(OUTCOME));
      assertThat(writing.await(20, TimeUnit.SECONDS)).isTrue();
      for (int i = 0; i < FeedbackEndpoint.WAITING_MAX; i++) {
        outcomes.add(stub.submitFeedback(OUTCOME));
      }
      ListenableFuture<SubmitFeedbackResponse> oneMore = stub.submitFeedback(OUTCOME);
      assertThatThrownBy(() -> oneMore.get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("RESOURCE_EXHAUSTED: no room for feedback now; try again later");

      assertThat(
              server
                  .stub()
                  .withDeadlineAfter(20, TimeUnit.SECONDS)
                  .modelInfer(QueuedCallsTest.request().build())
                  .getOutputsCount())
          .isEqualTo(1);

      go.countDown();
      for (ListenableFuture<SubmitFeedbackResponse> outcome : outcomes) {
        assertThat(outcome.get(20, TimeUnit.SECONDS).getJoined()).isFalse();
      }
    }
  }

  @Test
  void answersAnOutcomeThatBrokeTheSinkAndTakesTheNext() throws Exception {
    Iterator<Error> errors =
        List.<Error>of(new StackOverflowError(), new OutOfMemoryError()).iterator();
    FeedbackSink breaking =
        outcome -> {
          if (errors.hasNext()) {
            throw errors.next();
          }
          return FeedbackSink.Receipt.TAKEN;
        };
    try (TestServer server =
        TestServer.start(config -> config, served -> served.withFeedback(breaking))
            .with("m", FakeModel.answering())) {
      FeedbackServiceFutureStub stub = FeedbackServiceGrpc.newFutureStub(server.client().channel());

      for (int i = 0; i < 2; i++) {
        ListenableFuture<SubmitFeedbackResponse> broken = stub.submitFeedback(OUTCOME);
        assertThatThrownBy(() -> broken.get(20, TimeUnit.SECONDS))
            .isInstanceOf(ExecutionException.class)
            .hasMessageContaining("INTERNAL: feedback was not taken");
      }
      assertThat(stub.submitFeedback(OUTCOME).get(20, TimeUnit.SECONDS).getJoined()).isFalse();
    }
  }

  @Test
  void saysWhenAnOutcomeThatTheDayHasNoBytesForCanBeSentAgain() throws Exception {
    try (TestServer server =
        TestServer.start(
                config -> config,
                served -> served.withFeedback(outcome -> FeedbackSink.Receipt.DAY_FULL))
            .with("m", FakeModel.answering())) {
      FeedbackServiceFutureStub stub = FeedbackServiceGrpc.newFutureStub(server.client().channel());

      ListenableFuture<SubmitFeedbackResponse> refused = stub.submitFeedback(OUTCOME);

      assertThatThrownBy(() -> refused.get(20, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("RESOURCE_EXHAUSTED: the day's bytes for outcomes are used up")
          .hasMessageContaining("after 00:00 UTC");
    }
  }

  /** In microseconds the year would be 58,000, in nanoseconds one that no database holds. */
  @Test
  void tellsTheUnitToAClientThatCountsInAnother() throws Exception {
    List<Feedback> taken = new ArrayList<>();
    FeedbackSink sink =
        outcome -> {
          taken.add(outcome);
          return FeedbackSink.Receipt.TAKEN;
        };
    long millis = 1_790_000_000_000L;
    try (TestServer server =
        TestServer.start(config -> config, served -> served.withFeedback(sink))
            .with("m", FakeModel.answering())) {
      FeedbackServiceFutureStub stub = FeedbackServiceGrpc.newFutureStub(server.client().channel());

      for (long wrong : List.of(1000 * millis, 1_000_000 * millis, Long.MAX_VALUE)) {
        ListenableFuture<SubmitFeedbackResponse> refused =
            stub.submitFeedback(OUTCOME.toBuilder().setOutcomeAtMillis(wrong).build());
        assertThatThrownBy(() -> refused.get(20, TimeUnit.SECONDS))
            .isInstanceOf(ExecutionException.class)
            .hasMessageContaining(
                "INVALID_ARGUMENT: outcome_at_millis is " + wrong + ", after the year 2100")
            .hasMessageContaining("milliseconds since 1970");
      }
      stub.submitFeedback(OUTCOME.toBuilder().setOutcomeAtMillis(millis).build())
          .get(20, TimeUnit.SECONDS);
    }
    assertThat(taken)
        .singleElement()
        .matches(outcome -> outcome.outcomeAt().toEpochMilli() == millis);
  }

  private static ServeBounds bounds(int callsPerConnection) {
    ServeBounds usual = ServeBounds.defaults();
    return new ServeBounds(
        usual.messageBytesMax(),
        usual.requestBytesMax(),
        usual.aheadBytesMax(),
        usual.answerBytesMax(),
        usual.connectionsMax(),
        callsPerConnection);
  }
}
