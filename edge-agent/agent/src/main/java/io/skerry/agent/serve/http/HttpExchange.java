package io.skerry.agent.serve.http;

import io.grpc.netty.shaded.io.netty.channel.Channel;
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

  HttpExchange(Channel channel, Consumer<HttpAnswer> sender) {
    this.channel = channel;
    this.sender = sender;
  }

  void answer(HttpAnswer answer) {
    if (answered.compareAndSet(false, true)) {
      sender.accept(answer);
    }
  }

  boolean isCancelled() {
    return !channel.isActive();
  }

  void onCancel(Runnable action) {
    channel.closeFuture().addListener(closed -> action.run());
  }
}
