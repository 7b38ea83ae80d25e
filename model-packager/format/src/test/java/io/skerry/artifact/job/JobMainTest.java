package io.skerry.artifact.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.ErrorCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobMainTest {
  @TempDir Path folder;

  @Test
  void movesTheOutputIntoPlaceOnlyWhenTheBodyReturns() throws IOException {
    JobFolder job = JobFolder.create(folder.resolve("job"), Map.of("kind", "train", "seed", 7));

    int exit =
        JobMain.run(
            job,
            (running, output) -> {
              Files.writeString(output.resolve("a.txt"), running.spec().text("kind"));
              running.report(new JobProgress("train", 1, 2, "epoch 1"));
              assertThat(running.output()).doesNotExist();
            });

    assertThat(exit).isEqualTo(JobMain.OK);
    assertThat(job.output().resolve("a.txt")).hasContent("train");
    assertThat(job.error()).isEmpty();
    assertThat(job.progress()).containsExactly(new JobProgress("train", 1, 2, "epoch 1"));
    assertThat(job.spec().integer("seed")).isEqualTo(7);
  }

  @Test
  void tellsAFailureInOneLineAndLeavesNoOutput() throws IOException {
    JobFolder job = JobFolder.create(folder.resolve("job"), Map.of("kind", "train"));

    int exit =
        JobMain.run(
            job,
            (running, output) -> {
              throw new JobFailure(ErrorCode.DATASET_INVALID, "x.npy has\n 3 dimensions");
            });

    assertThat(exit).isEqualTo(JobMain.FAILED);
    assertThat(job.output()).doesNotExist();
    assertThat(job.error()).contains(new JobError("DATASET_INVALID", "x.npy has 3 dimensions"));
  }

  @Test
  void keepsTheTraceOfAFailureThatWasNotForeseen() throws IOException {
    JobFolder job = JobFolder.create(folder.resolve("job"), Map.of("kind", "train"));

    int exit =
        JobMain.run(
            job,
            (running, output) -> {
              throw new IllegalStateException("no");
            });

    assertThat(exit).isEqualTo(JobMain.FAILED);
    assertThat(job.error()).contains(new JobError("INTERNAL", "IllegalStateException: no"));
    assertThat(job.path().resolve("trace.txt")).content().contains("JobMainTest");
  }

  @Test
  void skipsTheProgressLineThatIsBeingWritten() throws IOException {
    JobFolder job = JobFolder.create(folder.resolve("job"), Map.of("kind", "train"));
    job.report(new JobProgress("train", 1, 2, ""));
    Files.writeString(
        job.path().resolve("progress.jsonl"), "{\"step\":\"tr", StandardOpenOption.APPEND);

    assertThat(job.progress()).containsExactly(new JobProgress("train", 1, 2, ""));
  }

  @Test
  void namesTheKeyThatIsMissingOrWrong() {
    JobSpec spec = new JobSpec(Map.of("seed", "seven", "features", List.of("a", 1)));

    assertThatThrownBy(() -> spec.text("model")).hasMessage("job.yaml: key 'model' is missing");
    assertThatThrownBy(() -> spec.integer("seed"))
        .hasMessage("job.yaml: key 'seed' is not a whole number: seven");
    assertThatThrownBy(() -> spec.texts("features")).hasMessageContaining("features");
  }

  @Test
  void saysThatAFileIsNoYaml() throws IOException {
    JobFolder job = JobFolder.create(folder.resolve("job"), Map.of("kind", "train"));
    Files.writeString(job.path().resolve("job.yaml"), "kind: [train");

    assertThatThrownBy(job::spec)
        .isInstanceOf(JobFailure.class)
        .hasMessageContaining("job.yaml is unreadable");
  }
}
