package io.skerry.agent.model;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The thread on which versions shadow. */
final class ShadowThread {
  private ShadowThread() {}

  /** One that is there while it has something to do, with room for a few copies. */
  static Executor started() {
    ThreadPoolExecutor worker =
        new ThreadPoolExecutor(
            1,
            1,
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(Mirror.WAITING_MAX),
            Thread.ofPlatform().daemon().name("agent-shadow").factory());
    worker.allowCoreThreadTimeOut(true);
    return worker;
  }
}
