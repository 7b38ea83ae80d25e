package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.channel.Channel;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/** One request's way back. Thread-safe; only the first answer counts. */
@SuppressWarnings(
    "FutureReturnValueIgnored") // Netty fires what fails through the pipeline; its futures carry
// nothing else.
final class HttpExchange {
  private final Channel channel;
  private final Consumer<HttpAnswer> sender;
  private final AtomicBoolean answered = new AtomicBoolean();
  private final Queue<ChannelFutureListener> waiting = new ConcurrentLinkedQueue<>();

  HttpExchange(Channel channel, Consumer<HttpAnswer> sender) {
    this.channel = channel;
    this.sender = sender;
  }

  void answer(HttpAnswer answer) {
    if (answered.compareAndSet(false, true)) {
      // A connection lives on: what waited for its end must not pile up on it.
      for (ChannelFutureListener next = waiting.poll(); next != null; next = waiting.poll()) {
        channel.closeFuture().removeListener(next);
      }
      sender.accept(answer);
    }
  }

  boolean isCancelled() {
    return !channel.isActive();
  }

  void onCancel(Runnable action) {
    ChannelFutureListener listener = closed -> action.run();
    waiting.add(listener);
    channel.closeFuture().addListener(listener);
  }
}
