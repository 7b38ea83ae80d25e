package io.skerry.control.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.profile.ProfileCatalog;
import io.skerry.protocol.DeviceFacts;
import io.skerry.protocol.ProfileId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProfilesTest {
  @Test
  void aDeviceIsOfAnOperatorsOwnProfileWhereItsEngineWorks(@TempDir Path folder)
      throws IOException {
    Files.writeString(
        folder.resolve("my-npu.yaml"),
        ProfileCatalog.builtIn()
            .yaml("arm64-neon")
            .orElseThrow()
            .replace("id: arm64-neon", "id: my-npu")
            .replace("priority: 10", "priority: 90\n  engines: [tflite/tflite-delegate]"));
    Profiles profiles = new Profiles(ProfileCatalog.load(folder));

    assertThat(profiles.matching(facts("tflite/tflite-delegate"))).contains("my-npu");
    assertThat(profiles.matching(facts("tflite/xnnpack"))).contains("arm64-neon");
    assertThat(
            profiles.fits(
                new ProfileId("my-npu"),
                """
                {"arch": "arm64", "cpuFeatures": ["asimd"], "engines": ["tflite/tflite-delegate"]}
                """))
        .isTrue();
  }

  private static DeviceFacts facts(String engine) {
    return new DeviceFacts(
        "arm64", List.of("asimd"), 4, 1 << 30, List.of(), List.of(engine), "a board");
  }
}
