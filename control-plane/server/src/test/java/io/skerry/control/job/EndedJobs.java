package io.skerry.control.job;

import io.micronaut.runtime.event.annotation.EventListener;
import jakarta.inject.Singleton;
import java.nio.file.Files;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Lets tests wait for the end of a job. */
@Singleton
final class EndedJobs {
  private final BlockingQueue<JobView> ended = new LinkedBlockingQueue<>();
  private final Set<String> withOutput = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean refusing = new AtomicBoolean();
  private final AtomicReference<@Nullable Runnable> meanwhile = new AtomicReference<>();

  @EventListener
  void onEnded(JobEnded event) {
    if (refusing.compareAndSet(true, false)) {
      throw new IllegalStateException("not now");
    }
    Runnable step = meanwhile.getAndSet(null);
    if (step != null) {
      step.run();
    }
    if (Files.exists(event.job().folder().resolve("output/result.txt"))) {
      withOutput.add(event.job().id());
    }
    ended.add(event.job());
  }

  /** Whether a job's result was there when its end was told. */
  boolean hadOutput(String id) {
    return withOutput.contains(id);
  }

  /** Does not take in the next one. */
  void refuseNext() {
    refusing.set(true);
  }

  /** Runs a step while the next one is told. */
  void whileToldNext(Runnable step) {
    meanwhile.set(step);
  }

  /** How many were told and not asked for. */
  int left() {
    return ended.size();
  }

  JobView next() throws InterruptedException {
    JobView job = ended.poll(60, TimeUnit.SECONDS);
    if (job == null) {
      throw new AssertionError("no job ended within a minute");
    }
    return job;
  }
}
