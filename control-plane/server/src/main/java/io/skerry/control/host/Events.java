package io.skerry.control.host;

import io.micronaut.context.event.ApplicationEventPublisher;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Singleton;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells features what other features did: in order, one after another, on a thread of its own.
 *
 * <p>Listeners ({@code @EventListener}) learn of something that is committed. An event is a hint:
 * it is lost when the server dies before the listener ran, so listeners work from the database and
 * look again by themselves from time to time.
 */
@Singleton
public final class Events {
  /** Events that wait; whoever publishes another one waits too. */
  public static final int WAITING_MAX = 1024;

  private static final Logger log = LoggerFactory.getLogger(Events.class);

  private final ApplicationEventPublisher<Object> publisher;
  private final ArrayBlockingQueue<Runnable> waiting = new ArrayBlockingQueue<>(WAITING_MAX);
  private final ThreadPoolExecutor thread;

  Events(ApplicationEventPublisher<Object> publisher) {
    this.publisher = publisher;
    this.thread =
        new ThreadPoolExecutor(
            1,
            1,
            0,
            TimeUnit.SECONDS,
            waiting,
            task -> Thread.ofPlatform().name("skerry-events").daemon().unstarted(task),
            Events::waitForRoom);
  }

  /** Publishes an event record after the transaction that it tells of was committed. */
  public void publish(Object event) {
    if (!thread.isShutdown()) {
      thread.execute(() -> tell(event));
    }
  }

  private void tell(Object event) {
    try {
      publisher.publishEvent(event);
    } catch (RuntimeException e) {
      log.atError()
          .setCause(e)
          .addKeyValue("event", event.getClass().getSimpleName())
          .log("listener failed");
    }
  }

  private static void waitForRoom(Runnable task, ThreadPoolExecutor executor) {
    try {
      executor.getQueue().put(task);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @PreDestroy
  void end() {
    thread.shutdownNow();
  }
}
