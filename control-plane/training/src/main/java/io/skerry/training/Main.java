package io.skerry.training;

import io.skerry.artifact.job.JobMain;

/** The training process: {@code io.skerry.training.Main JOB_DIR}. */
public final class Main {
  private Main() {}

  /** Runs the job and ends the process with its exit code. */
  public static void main(String[] arguments) {
    System.exit(JobMain.run("training", arguments, TrainingJob::run));
  }
}
