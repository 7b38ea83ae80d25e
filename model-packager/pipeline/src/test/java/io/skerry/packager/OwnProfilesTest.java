package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.artifact.job.JobFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OwnProfilesTest {
  @Test
  void tellsMistakesInALineEach(@TempDir Path folder) throws Exception {
    Files.writeString(folder.resolve("one.yaml"), "[]");
    Files.writeString(folder.resolve("two.yaml"), "[]");

    assertThatThrownBy(() -> Main.catalog(folder))
        .isInstanceOf(JobFailure.class)
        .hasMessageMatching(
            "profiles in '%s' have mistakes:\\n  one.yaml: .*\\n  two.yaml: .*".formatted(folder));
  }
}
