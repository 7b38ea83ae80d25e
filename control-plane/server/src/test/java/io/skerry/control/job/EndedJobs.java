package io.skerry.control.job;

import io.micronaut.runtime.event.annotation.EventListener;
import jakarta.inject.Singleton;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Lets tests wait for the end of a job. */
@Singleton
final class EndedJobs {
  private final BlockingQueue<JobView> ended = new LinkedBlockingQueue<>();

  @EventListener
  void onEnded(JobEnded event) {
    ended.add(event.job());
  }

  JobView next() throws InterruptedException {
    JobView job = ended.poll(60, TimeUnit.SECONDS);
    if (job == null) {
      throw new AssertionError("no job ended within a minute");
    }
    return job;
  }
}
