package io.skerry.control.job;

import java.io.IOException;
import java.nio.file.Path;

/** Writes a job's folder. */
@FunctionalInterface
public interface JobPreparation {
  /**
   * Writes {@code job.yaml} and {@code input/}.
   *
   * @throws io.skerry.artifact.job.JobFailure if the job cannot be prepared for a reason that its
   *     asker can understand
   */
  void write(Path folder) throws IOException;
}
