package io.skerry.agent.update;

import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.TimeUnit;

/**
 * A response's body, piece by piece, with patience: one piece is asked for at a time, so that no
 * more than one waits in memory, and whoever waits for it can stop waiting. One reader.
 */
final class BodyFeed implements HttpResponse.BodySubscriber<BodyFeed>, AutoCloseable {
  private final BlockingQueue<Signal> signals = new ArrayBlockingQueue<>(4);
  private Optional<Flow.Subscription> subscription = Optional.empty();
  private final Queue<ByteBuffer> pieces = new ArrayDeque<>();
  private boolean ended;

  private sealed interface Signal {
    record Bytes(List<ByteBuffer> pieces) implements Signal {}

    record Failed(Throwable cause) implements Signal {}

    record Ended() implements Signal {}
  }

  @Override
  public CompletionStage<BodyFeed> getBody() {
    return CompletableFuture.completedFuture(this);
  }

  @Override
  public void onSubscribe(Flow.Subscription opened) {
    if (opened(opened)) {
      opened.request(1);
    } else {
      opened.cancel();
    }
  }

  private synchronized boolean opened(Flow.Subscription opened) {
    boolean first = subscription.isEmpty();
    if (first) {
      subscription = Optional.of(opened);
    }
    return first;
  }

  private synchronized Optional<Flow.Subscription> subscription() {
    return subscription;
  }

  @Override
  public void onNext(List<ByteBuffer> item) {
    offer(new Signal.Bytes(item));
  }

  @Override
  public void onError(Throwable cause) {
    offer(new Signal.Failed(cause));
  }

  @Override
  public void onComplete() {
    offer(new Signal.Ended());
  }

  private void offer(Signal signal) {
    // There is room: of one piece asked for at a time, its end and nothing more can follow.
    if (!signals.offer(signal)) {
      throw new IllegalStateException("body came faster than it was asked for");
    }
  }

  /**
   * The next bytes.
   *
   * @return nothing remains in it at the end of the body; empty when none came in time
   */
  Optional<ByteBuffer> next(Duration patience) throws IOException, InterruptedException {
    long end = System.nanoTime() + patience.toNanos();
    while (true) {
      ByteBuffer piece = pieces.poll();
      if (piece != null) {
        if (piece.hasRemaining()) {
          return Optional.of(piece);
        }
        continue;
      }
      if (ended) {
        return Optional.of(ByteBuffer.allocate(0));
      }
      Signal signal = signals.poll(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS);
      switch (signal) {
        case null -> {
          return Optional.empty();
        }
        case Signal.Bytes(List<ByteBuffer> more) -> {
          pieces.addAll(more);
          subscription().ifPresent(open -> open.request(1));
        }
        case Signal.Ended _ -> ended = true;
        case Signal.Failed(Throwable cause) -> throw new IOException(cause.toString(), cause);
      }
    }
  }

  /** Lets the connection go, whatever of the body is still to come. */
  @Override
  public void close() {
    subscription().ifPresent(Flow.Subscription::cancel);
  }
}
