package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import io.skerry.control.registry.Registry;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class CandidateControllerTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  @Test
  void listsAndServesWhatIsKept() throws Exception {
    ModelVersion version = version("timed-model");
    String path = "/v1/models/timed-model/versions/1/candidates";
    assertThat(plane.get(path).statusCode()).isEqualTo(404);
    assertThat(plane.get(path).body()).contains("skerry create variants timed-model@1");
    Path made = Files.createDirectories(folder.resolve("made/arm64-neon"));
    Files.writeString(made.resolve("tflite-int8.tflite"), "content");

    plane.bean(KeptCandidates.class).keep(version, List.of("arm64-neon"), folder.resolve("made"));

    assertThat(plane.get(path).body())
        .contains("\"profile\":\"arm64-neon\"", "\"name\":\"tflite-int8.tflite\"", "\"bytes\":7");
    HttpResponse<String> file = plane.get(path + "/arm64-neon/tflite-int8.tflite");
    assertThat(file.statusCode()).isEqualTo(200);
    assertThat(file.body()).isEqualTo("content");
    assertThat(plane.get(path + "/arm64-neon/..%2f..%2fserver.json").statusCode()).isEqualTo(404);
    assertThat(plane.get("/v1/models/timed-model/versions/2/candidates").statusCode())
        .isEqualTo(404);
    assertThat(plane.send(plane.request(path).GET()).statusCode()).isEqualTo(401);
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
}
