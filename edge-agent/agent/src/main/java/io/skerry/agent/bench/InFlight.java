package io.skerry.agent.bench;

import io.grpc.stub.StreamObserver;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferResponse;
import io.skerry.wire.inference.ServerLiveRequest;
import io.skerry.wire.inference.ServerLiveResponse;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;

/** So many calls at a time on one connection: each answer sends the next. */
public final class InFlight {
  private final AgentClient client;
  private final ModelInferRequest request;
  private final int concurrency;

  public InFlight(AgentClient client, ModelInferRequest request, int concurrency) {
    this.client = client;
    this.request = request;
    this.concurrency = concurrency;
  }

  /**
   * Makes so many predictions.
   *
   * @return calls per second
   */
  public double run(int calls) throws InterruptedException {
    return this.<ModelInferResponse>run(
        calls, observer -> client.later().modelInfer(request, observer));
  }

  /** Makes so many calls that do nothing; returns calls per second. */
  public double runEmpty(int calls) throws InterruptedException {
    ServerLiveRequest nothing = ServerLiveRequest.getDefaultInstance();
    return this.<ServerLiveResponse>run(
        calls, observer -> client.later().serverLive(nothing, observer));
  }

  private <T> double run(int calls, Consumer<StreamObserver<T>> send) throws InterruptedException {
    AtomicInteger unsent = new AtomicInteger(calls);
    CountDownLatch unanswered = new CountDownLatch(calls);
    AtomicReference<Throwable> failure = new AtomicReference<>();
    StreamObserver<T> observer =
        new StreamObserver<>() {
          @Override
          public void onNext(T answer) {}

          @Override
          public void onError(Throwable broken) {
            failure.compareAndSet(null, broken);
            next();
          }

          @Override
          public void onCompleted() {
            next();
          }

          private void next() {
            if (unsent.getAndDecrement() > 0) {
              send.accept(this);
            }
            unanswered.countDown();
          }
        };
    long start = System.nanoTime();
    for (int i = 0; i < concurrency && unsent.getAndDecrement() > 0; i++) {
      send.accept(observer);
    }
    unanswered.await();
    Throwable broken = failure.get();
    if (broken != null) {
      throw new IllegalStateException("a call failed: " + broken.getMessage(), broken);
    }
    return calls / ((System.nanoTime() - start) / 1e9);
  }
}
