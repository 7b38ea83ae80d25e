package io.skerry.training;

import io.skerry.artifact.job.JobMain;
import java.util.Locale;

/** The training process: {@code io.skerry.training.Main JOB_DIR}. */
public final class Main {
  private Main() {}

  /** Runs the job and ends the process with its exit code. */
  public static void main(String[] arguments) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT);
    System.exit(JobMain.run("training", arguments, TrainingJob::run));
  }
}
