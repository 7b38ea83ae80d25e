package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.api.Judging;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import io.skerry.control.registry.Registry;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class EmulatedPackagingTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  @Test
  void tellsTheJobHowManyItemsToEmulateAndOtherwiseNothing() throws Exception {
    ModelVersion version = version("emulated-model");

    assertThat(job(version, 50)).containsEntry("emulatedItems", 50);
    assertThat(job(version, 0)).doesNotContainKey("emulatedItems");
  }

  @Test
  void tellsOfAWinnerWhetherItRanOnSuchAProcessor() {
    PackagerReport.Judged judged =
        new PackagerReport.Judged(.975, List.of(.9, 1.0), 0.0, List.of(-.01, .01), 0, null, 40);
    PackagerReport.Proof emulated = new PackagerReport.Proof("qemu", judged, null);
    PackagerReport.Proof unproved = new PackagerReport.Proof(null, null, "there is no qemu");

    assertThat(emulated.words()).isEqualTo("; accuracy proved under qemu: 0.9750 on 40 items");
    assertThat(unproved.words()).isEqualTo("; accuracy unproved: there is no qemu");
    assertThat(new PackagerReport.Proof(null, null, null).words()).isEmpty();
    PackagerReport.Judged numberless =
        new PackagerReport.Judged(null, null, null, null, null, null, 40);
    assertThat(new PackagerReport.Proof("qemu", numberless, null).words()).isEmpty();
  }

  @Test
  void refusesANumberOfItemsThatCannotBe() throws Exception {
    ModelVersion version = version("refused-model");

    for (int items : List.of(-1, 0, 10_001)) {
      HttpResponse<String> answer =
          plane.send(
              plane
                  .request("/v1/models/refused-model/versions/1/variants")
                  .header("Authorization", "Bearer " + plane.token())
                  .header("Content-Type", "application/json")
                  .POST(BodyPublishers.ofString("{\"emulatedItems\":%d}".formatted(items))));

      assertThat(answer.statusCode()).isEqualTo(400);
      assertThat(answer.body()).contains("emulatedItems is " + items, "give 1 to 10000");
    }
    assertThat(plane.bean(Registry.class).version(version).variants()).isEmpty();
  }

  private ModelVersion version(String name) throws Exception {
    Path file = Files.write(folder.resolve("model.onnx"), new byte[] {8, 8, 0, 0, 0, 0, 0, 0});
    Files.createDirectories(plane.bean(DataFolder.class).root().resolve("imports").resolve(name));
    return plane
        .bean(Registry.class)
        .add(
            Actor.system("test"),
            new ModelName(name),
            "onnx",
            file,
            new TreeMap<>(),
            "imports/" + name);
  }

  private Map<String, Object> job(ModelVersion version, int emulatedItems) throws Exception {
    Path job = folder.resolve("job-" + emulatedItems);
    plane
        .bean(PackagingInput.class)
        .write(
            job,
            plane.bean(Registry.class).version(version),
            List.of("arm64-neon"),
            1,
            emulatedItems,
            Judging.BY_DATA);
    return new HashMap<>(JobFolder.at(job).spec().keys());
  }
}
