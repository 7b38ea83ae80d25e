package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.DeviceView;
import io.skerry.api.Packaging;
import io.skerry.api.Variant;
import io.skerry.api.client.SkerryClient;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.TinyModels;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A profile of an operator's own, from its file to an answer of a device that is of it. */
@Tag("slow")
class OwnProfileTest {
  private static final Duration WITHIN = Duration.ofMinutes(3);
  private static final Pattern HTTP = Pattern.compile("http://127\\.0\\.0\\.1:(\\d+)");
  private static final String DEVICE = "gateway-1";
  private static final String PROFILE = "our-gateway";
  private static final int FEATURES = 3;
  private static final int ITEMS = 40;

  // Short: a socket lies in it, and a socket's path may have 107 bytes.
  private Path folder = Path.of("");

  @BeforeEach
  void make() throws IOException {
    folder = Files.createTempDirectory("sko");
  }

  @AfterEach
  void delete() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  @Test
  void isMatchedPackagedRolledOutAndServed() throws Exception {
    Path profiles = Files.createDirectory(folder.resolve("profiles"));
    Files.writeString(
        profiles.resolve(PROFILE + ".yaml"),
        """
        id: our-gateway
        description: our gateway, whose models run in floats
        match:
          engines: [onnxruntime/cpu]
          priority: 500
        engines: [onnxruntime]
        precisions: [fp32]
        execution-providers: [cpu]
        threads: 1
        memory-budget: 64 MiB
        latency-budget: 10 ms
        int8: {activation: uint8}
        candidates: [onnxruntime/fp32]
        """);
    try (RunningServer server =
        RunningServer.start(folder, List.of("--profiles", profiles.toString()))) {
      enrol(server);
      Process agent = agent(profiles);
      try {
        assertThat(device(server.client()).profile()).isEqualTo(PROFILE);
        packaged(server.client());
        done(cli("create", "rollout", "tiny@1"));
        assertThat(answer()).contains("\"model_version\":\"1\"", "\"data\":[2.0,4.0,6.0]");
        anotherServerThatWasNotToldOfIt(server);
      } finally {
        agent.destroy();
        if (!agent.waitFor(30, TimeUnit.SECONDS)) {
          agent.destroyForcibly().waitFor();
        }
      }
    }
  }

  /** The same control plane, started again without the folder. */
  private void anotherServerThatWasNotToldOfIt(RunningServer before) throws Exception {
    List<String> ports = before.samePorts();
    before.close();
    try (RunningServer server = RunningServer.start(folder, ports)) {
      // The device tells of itself again, and is of the best that is known now.
      Await.until(
          WITHIN,
          "another profile",
          () -> !PROFILE.equals(device(server.client()).profile()),
          () -> device(server.client()).toString());
      Program.Ended rollout = cli("create", "rollout", "tiny@1");
      assertThat(rollout.exitCode()).isEqualTo(5);
      assertThat(rollout.errors())
          .contains("no device can run tiny@1, which is packaged for [%s]".formatted(PROFILE));
      Path report = folder.resolve("timings.json");
      Files.writeString(
          report,
          "{\"kind\": \"timings\", \"profile\": \"%s\", \"device\": \"%s\", \"timings\": []}"
              .formatted(PROFILE, DEVICE));
      assertThat(cli("import", "timings", report.toString()).errors())
          .contains(
              "hardware profile '%s' is unknown: known are arm64-dotprod, ".formatted(PROFILE),
              "'skerry server --profiles DIR'");
      // What the device runs it goes on running.
      assertThat(answer()).contains("\"data\":[2.0,4.0,6.0]");
    }
  }

  private void enrol(RunningServer server) {
    done(
        Program.AGENT.run(
            "enroll",
            "--token",
            server.enrolmentToken(),
            "--device",
            DEVICE,
            "--data-dir",
            folder.resolve("device").toString()));
  }

  private Process agent(Path profiles) throws Exception {
    Process agent =
        Program.AGENT.start(
            folder.resolve("agent.log"),
            "run",
            "--data-dir",
            folder.resolve("device").toString(),
            "--profiles",
            profiles.toString(),
            "--listen",
            "unix:" + folder.resolve("s"),
            "--http-port",
            "0");
    Await.until(
        WITHIN, "the agent's start", () -> httpPort().find() || !agent.isAlive(), this::agentLog);
    assertThat(agent.isAlive()).as(agentLog()).isTrue();
    return agent;
  }

  private Matcher httpPort() throws IOException {
    return HTTP.matcher(agentLog());
  }

  private String agentLog() {
    try {
      return Files.readString(folder.resolve("agent.log"));
    } catch (IOException e) {
      return "";
    }
  }

  private static DeviceView device(SkerryClient client) {
    return client.get("/v1/devices/" + DEVICE, DeviceView.class);
  }

  /** For the profiles of the devices that there are. */
  private void packaged(SkerryClient client) throws Exception {
    Path model = Files.write(folder.resolve("tiny.onnx"), TinyModels.good(2));
    Path calibration = folder.resolve("calibration.npy");
    Random random = new Random(7);
    float[] values = new float[ITEMS * FEATURES];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    NpyArray.ofFloats(values, ITEMS, FEATURES).write(calibration);
    done(
        cli(
            "import",
            "model",
            model.toString(),
            "--name",
            "tiny",
            "--calibration",
            calibration.toString()));
    String path = "/v1/models/tiny/versions/1/variants";
    Await.until(
        WITHIN,
        "packaged",
        () -> client.get(path, Packaging.class).state().isTerminal(),
        () -> client.get(path, Packaging.class).toString());
    Packaging packaging = client.get(path, Packaging.class);
    assertThat(packaging.variants().stream().filter(Variant::winner))
        .as("%s", packaging)
        .extracting(Variant::profile)
        .containsExactly(PROFILE);
  }

  /** The device's, once it serves. */
  private String answer() throws Exception {
    Matcher port = httpPort();
    assertThat(port.find()).isTrue();
    HttpRequest request =
        HttpRequest.newBuilder(
                URI.create("http://127.0.0.1:%s/v2/models/tiny/infer".formatted(port.group(1))))
            .POST(
                HttpRequest.BodyPublishers.ofString(
                    """
                    {"inputs": [{"name": "input", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}]}
                    """))
            .build();
    try (HttpClient client = HttpClient.newHttpClient()) {
      Await.until(
          WITHIN,
          "an answer",
          () -> client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode() == 200,
          this::agentLog);
      return client.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }
  }

  private static void done(Program.Ended ended) {
    assertThat(ended.exitCode()).as(ended.errors()).isZero();
  }

  private Program.Ended cli(String... arguments) throws IOException {
    Path data = folder.resolve("data");
    JsonObject address =
        JsonParser.parseString(Files.readString(data.resolve("server.json"))).getAsJsonObject();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(
        List.of(
            "--server",
            address.get("url").getAsString(),
            "--token",
            Files.readString(data.resolve("keys/admin.token")).strip()));
    return Program.CLI.run(all.toArray(String[]::new));
  }
}
