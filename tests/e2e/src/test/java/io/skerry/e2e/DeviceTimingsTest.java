package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.Packaging;
import io.skerry.api.Variant;
import io.skerry.api.WorkState;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.e2e.scene.Await;
import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Constant;
import io.skerry.packager.graph.Graph;
import io.skerry.packager.graph.Node;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a device measured of candidates' files decides which of them ships to its profile. */
@Tag("slow")
class DeviceTimingsTest {
  private static final Duration WITHIN = Duration.ofMinutes(3);
  private static final String PROFILE = "our-gateway";
  private static final String VARIANTS = "/v1/models/tiny/versions/1/variants";

  /** Below it the one nearer to the given model ships. */
  private static final double SAME_TIME = 1.05;

  private static final int INPUTS = 8;
  private static final int OUTPUTS = 4;
  private static final int ITEMS = 60;

  private final Random random = new Random(5);
  @TempDir private Path folder;

  @Test
  void whatADeviceReportsDecidesOnTheServerAndOnFiles() throws Exception {
    Path profiles = profiles();
    Path model = Files.write(folder.resolve("tiny.onnx"), OnnxExport.write(dense()));
    Path calibration = folder.resolve("calibration.npy");
    NpyArray.ofFloats(normal(ITEMS * INPUTS), ITEMS, INPUTS).write(calibration);
    try (RunningServer server =
        RunningServer.start(folder, List.of("--profiles", profiles.toString()))) {
      done(
          cli(
              "import",
              "model",
              model.toString(),
              "--name=tiny",
              "--calibration=" + calibration,
              "--max-drop=0.5",
              "--profile=" + PROFILE));
      Variant byOrder = winner(packaged(server));
      assertThat(byOrder.precision()).isEqualTo("int8");
      assertThat(byOrder.measured()).isEqualTo("none");

      Path files = folder.resolve("files");
      done(cli("get", "candidates", "tiny@1", "--out=" + files));
      Path integers = files.resolve(PROFILE).resolve("onnxruntime-int8.onnx");
      Path floats = files.resolve(PROFILE).resolve("onnxruntime-fp32.onnx");
      Path report = folder.resolve("timings.json");
      done(
          Program.AGENT.run(
              "bench",
              "--seconds=1",
              "--model=" + integers,
              "--model=" + floats,
              "--profiles=" + profiles,
              "--profile=" + PROFILE,
              "--device=gateway-1",
              "--report=" + report));
      DeviceTimings told = DeviceTimings.parse("report", Files.readAllBytes(report));
      DeviceTimings.Timing ofIntegers = of(told, integers);
      DeviceTimings.Timing ofFloats = of(told, floats);
      String expected = ofIntegers.p50Micros() * SAME_TIME < ofFloats.p50Micros() ? "int8" : "fp32";

      done(cli("import", "timings", report.toString()));
      done(cli("create", "variants", "tiny@1", "--profile=" + PROFILE));
      Packaging anew = packaged(server);

      Variant winner = winner(anew);
      assertThat(winner.precision()).as("%s of %s", anew, told).isEqualTo(expected);
      assertThat(winner.measured()).isEqualTo("device");
      assertThat(Objects.requireNonNull(winner.timing()).p50Micros())
          .isEqualTo((expected.equals("int8") ? ofIntegers : ofFloats).p50Micros());
      assertThat(winner.reason()).contains("fastest that keeps the metric");

      DeviceTimings otherwise = otherwise(told, ofIntegers, ofFloats);
      assertThat(packedBy(model, calibration, profiles, told)).isEqualTo(expected);
      assertThat(packedBy(model, calibration, profiles, otherwise))
          .as("a report that says the other thing")
          .isNotEqualTo(expected);
    }
  }

  /** The same with the times of both files exchanged, and further apart. */
  private static DeviceTimings otherwise(
      DeviceTimings told, DeviceTimings.Timing integers, DeviceTimings.Timing floats) {
    boolean fasterFloats = floats.p50Micros() <= integers.p50Micros() * SAME_TIME;
    return new DeviceTimings(
        told.profile(),
        told.device(),
        List.of(
            taking(integers, fasterFloats ? 1 : 1000), taking(floats, fasterFloats ? 1000 : 1)));
  }

  private static DeviceTimings.Timing taking(DeviceTimings.Timing timing, double micros) {
    return new DeviceTimings.Timing(
        timing.model(),
        timing.engine(),
        micros,
        micros,
        timing.loadMillis(),
        timing.peakMemoryBytes(),
        timing.calls());
  }

  /** The winner's precision, packaged on files. */
  private String packedBy(Path model, Path calibration, Path profiles, DeviceTimings timings)
      throws IOException {
    Path own = Files.createTempDirectory(folder, "packed");
    Path report = Files.write(own.resolve("timings.json"), timings.json());
    Path json = own.resolve("report.json");
    done(
        Program.PACK.run(
            "--model=" + model,
            "--calibration=" + calibration,
            "--max-drop=0.5",
            "--profiles=" + profiles,
            "--profile=" + PROFILE,
            "--timings=" + report,
            "--out=" + own.resolve("out"),
            "--json=" + json));
    for (JsonElement each :
        JsonParser.parseString(Files.readString(json))
            .getAsJsonObject()
            .getAsJsonArray("variants")) {
      JsonObject variant = each.getAsJsonObject();
      assertThat(variant.get("measured").getAsString()).as("%s", variant).isEqualTo("device");
      if (variant.get("winner").getAsBoolean()) {
        return variant.get("precision").getAsString();
      }
    }
    return "none";
  }

  private static DeviceTimings.Timing of(DeviceTimings told, Path file) throws IOException {
    Digest digest = Digest.of(Files.readAllBytes(file));
    DeviceTimings.Timing timing =
        told.timings().stream().filter(one -> one.model().equals(digest)).findFirst().orElseThrow();
    assertThat(timing.peakMemoryBytes()).isPositive();
    return timing;
  }

  private static Packaging packaged(RunningServer server) throws Exception {
    Await.until(
        WITHIN,
        "packaged",
        () -> server.client().get(VARIANTS, Packaging.class).state().isTerminal(),
        () -> server.client().get(VARIANTS, Packaging.class).toString());
    Packaging packaging = server.client().get(VARIANTS, Packaging.class);
    assertThat(packaging.state()).as("%s", packaging).isEqualTo(WorkState.SUCCEEDED);
    return packaging;
  }

  private static Variant winner(Packaging packaging) {
    return packaging.variants().stream().filter(Variant::winner).findFirst().orElseThrow();
  }

  /** One that this machine is of, but no machine is of above all: nobody times for it here. */
  private Path profiles() throws IOException {
    Path profiles = Files.createDirectory(folder.resolve("profiles"));
    Files.writeString(
        profiles.resolve(PROFILE + ".yaml"),
        """
        id: our-gateway
        description: our gateway
        match:
          engines: [onnxruntime/cpu]
          priority: 1
        engines: [onnxruntime]
        precisions: [fp32, int8]
        execution-providers: [cpu]
        threads: 1
        memory-budget: 64 MiB
        latency-budget: 10 ms
        int8: {activation: uint8}
        candidates: [onnxruntime/int8, onnxruntime/fp32]
        """);
    return profiles;
  }

  /** So small that putting numbers into integers takes longer than multiplying them. */
  private Graph dense() {
    return new Graph(
        "tiny",
        "x",
        List.of("score"),
        List.of(new Node("only", new Op.Dense(), List.of("x", "w", "b"), "score", Activation.NONE)),
        Map.of(
            "w", Constant.of(Shape.of(OUTPUTS, INPUTS), normal(OUTPUTS * INPUTS)),
            "b", Constant.of(Shape.of(OUTPUTS), normal(OUTPUTS))),
        Map.of("x", Shape.of(Shape.BATCH, INPUTS), "score", Shape.of(Shape.BATCH, OUTPUTS)));
  }

  private float[] normal(int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
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
