package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.artifact.job.JobSpec;
import io.skerry.artifact.sign.SigningKey;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which profiles' artifacts a packaging job signs. */
class PackagingKeysTest {
  private static final List<String> PROFILES = List.of("arm64-neon", "x86-64-avx2");

  @TempDir Path folder;

  @Test
  void leavesUnsignedWhatTheJobNames() throws IOException {
    Path file = folder.resolve("automation.pem");
    SigningKey.generate().write(file);
    Map<String, Object> job = Map.of("profiles", PROFILES, "keyFile", file.toString());

    assertThat(Main.keys(new JobSpec(job))).containsOnlyKeys(PROFILES);
    assertThat(
            Main.keys(
                new JobSpec(
                    Map.of(
                        "profiles",
                        PROFILES,
                        "keyFile",
                        file.toString(),
                        "unsigned",
                        List.of("arm64-neon")))))
        .containsOnlyKeys("x86-64-avx2");
  }

  @Test
  void needsNoKeyWhereItSignsNothing() throws IOException {
    assertThat(Main.keys(new JobSpec(Map.of("profiles", PROFILES, "unsigned", PROFILES))))
        .isEmpty();
  }
}
