package io.skerry.control.packaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.Judging;
import io.skerry.api.PackagingRequest;
import io.skerry.artifact.job.JobFolder;
import io.skerry.control.TestControlPlane;
import io.skerry.control.audit.Actor;
import io.skerry.control.host.DataFolder;
import io.skerry.control.registry.Registry;
import io.skerry.protocol.ModelName;
import io.skerry.protocol.ModelVersion;
import io.skerry.telemetry.sketch.MonitoringSettings;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("slow")
class ModelMonitoringTest {
  private final TestControlPlane plane = TestControlPlane.shared();
  @TempDir private Path folder;

  /** Rules are of the model: what a pipeline trains and packages by itself keeps them. */
  @Test
  void everyPackagingOfTheModelCarriesWhatWasSaidLast() throws Exception {
    String said = "{\"privacy\":[{\"field\":\"client-id\",\"action\":\"hash\"}]}";
    ModelName model = new ModelName("watched-model");
    Path file = Files.write(folder.resolve("model.onnx"), new byte[] {8, 8, 0, 0, 0, 0, 0, 0});
    Path data = plane.bean(DataFolder.class).root();
    Files.createDirectories(data.resolve("imports/watched-model"));
    Registry registry = plane.bean(Registry.class);
    ModelVersion version =
        registry.add(
            Actor.system("test"), model, "onnx", file, new TreeMap<>(), "imports/watched-model");
    assertThat(job(version, "before").spec().keys()).doesNotContainKey("monitoring");

    HttpResponse<String> answer = put(model, said);

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(JsonParser.parseString(answer.body())).isEqualTo(JsonParser.parseString(said));
    assertThat(JsonParser.parseString(plane.get("/v1/models/watched-model/monitoring").body()))
        .isEqualTo(JsonParser.parseString(said));
    assertThat(job(version, "after").spec().keys().get("monitoring"))
        .isEqualTo(Map.of("privacy", List.of(Map.of("field", "client-id", "action", "hash"))));
  }

  private JobFolder job(ModelVersion version, String name) throws Exception {
    Path job = folder.resolve(name);
    plane
        .bean(PackagingInput.class)
        .write(
            job,
            plane.bean(Registry.class).version(version),
            List.of("arm64-neon"),
            1,
            0,
            Judging.BY_DATA);
    return JobFolder.at(job);
  }

  @Test
  void refusesWhatCannotBeAndKeepsWhatWasSaidBefore() throws Exception {
    ModelName model = new ModelName("strict-model");
    put(model, "{\"budget\":{\"windowBytesPerDay\":9}}");

    HttpResponse<String> answer =
        put(model, "{\"privacy\":[{\"field\":\"speed\",\"action\":\"round\"}],\"budgets\":{}}");

    assertThat(answer.statusCode()).isEqualTo(400);
    assertThat(answer.body()).contains("privacy[0].step", "budgets", "use some of budget");
    assertThat(put(model, "[]").statusCode()).isEqualTo(400);
    assertThat(put(model, "{").statusCode()).isEqualTo(400);
    assertThat(plane.get("/v1/models/strict-model/monitoring").body()).contains("9");
    assertThat(plane.get("/v1/models/never-said/monitoring").body()).isEqualTo("{}");
  }

  @Test
  void schemaNamesTheFieldsThatAreRead() throws Exception {
    JsonObject properties;
    try (InputStream in = PackagingRequest.class.getResourceAsStream("monitoring.schema.json")) {
      properties =
          JsonParser.parseString(new String(in.readAllBytes(), StandardCharsets.UTF_8))
              .getAsJsonObject()
              .getAsJsonObject("properties");
    }

    knows(properties, Map.of("?", 1));
    knows(items(properties, "features"), Map.of("features", List.of(Map.of("?", 1))));
    knows(items(properties, "privacy"), Map.of("privacy", List.of(Map.of("?", 1))));
    knows(
        properties.getAsJsonObject("budget").getAsJsonObject("properties"),
        Map.of("budget", Map.of("?", 1)));
    knows(
        properties.getAsJsonObject("signal").getAsJsonObject("properties"),
        Map.of("signal", Map.of("?", 1)));
  }

  private static JsonObject items(JsonObject properties, String name) {
    return properties.getAsJsonObject(name).getAsJsonObject("items").getAsJsonObject("properties");
  }

  private static void knows(JsonObject properties, Map<?, ?> tree) {
    assertThatThrownBy(() -> MonitoringSettings.of(tree))
        .hasMessageContaining(
            "is unknown: use some of " + String.join(", ", new TreeSet<>(properties.keySet())));
  }

  private HttpResponse<String> put(ModelName model, String body) throws Exception {
    return plane.send(
        plane
            .request("/v1/models/%s/monitoring".formatted(model))
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "application/json")
            .PUT(BodyPublishers.ofString(body)));
  }
}
