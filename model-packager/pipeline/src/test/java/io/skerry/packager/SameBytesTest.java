package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import io.skerry.artifact.DeviceTimings;
import io.skerry.artifact.OciLayout;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.sign.SigningKey;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.OnnxExport;
import io.skerry.packager.process.JavaProcess;
import io.skerry.protocol.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The same input, seed and choice give the same bytes, whatever process packs. */
@Tag("slow")
class SameBytesTest {
  /** None that an x86-64 machine can time: measured figures are never the same. */
  private static final String PROFILES = "arm64-neon,arm64-dotprod";

  private static final Duration MOST = Duration.ofMinutes(5);
  private static final int ITEMS = 60;
  private static final int ELEMENTS = 420;

  @TempDir private Path folder;

  @BeforeEach
  void writeInput() throws Exception {
    assumeThat(System.getProperty("os.arch")).as("arm64 boards would be timed").isEqualTo("amd64");
    Files.write(folder.resolve("model.onnx"), OnnxExport.write(Nets.sensorNet(11)));
    items(1).write(folder.resolve("calibration.npy"));
    items(2).write(folder.resolve("evaluation.npy"));
    SigningKey.generate().write(folder.resolve("release.pem"));
  }

  /** Another process orders sets otherwise; here it also has other threads and another language. */
  @Test
  void areWrittenByAnyProcess() throws Exception {
    Path one = packed("one", List.of());
    Path other =
        packed(
            "other",
            List.of(),
            "-XX:ActiveProcessorCount=1",
            "-Duser.language=tr",
            "-Duser.country=TR",
            "-Duser.timezone=Asia/Tokyo");

    Map<String, Digest> files = files(one);

    assertThat(files.keySet())
        .contains("arm64-neon/index.json", "arm64-dotprod/oci-layout", "pareto.svg");
    assertThat(files(other)).isEqualTo(files);
    assertThat(json("other")).isEqualTo(json("one"));
  }

  /** What names that blob by its digest differs with it, and nothing that a device believes. */
  @Test
  void areAsideTheBlobOfMeasuredFigures() throws Exception {
    Path one = packed("untimed", List.of());
    Path other = packed("timed", List.of("--timings=" + timings(json("untimed"))));

    OciLayout untimed = OciLayout.read(one.resolve("arm64-neon"));
    OciLayout timed = OciLayout.read(other.resolve("arm64-neon"));

    assertThat(json("timed").toString()).contains("\"measured\":\"device\"");
    assertThat(timed.model()).isEqualTo(untimed.model());
    Map<String, Digest> files = files(one.resolve("arm64-neon"));
    Map<String, Digest> others = files(other.resolve("arm64-neon"));
    List<String> only = new ArrayList<>(others.keySet());
    only.removeAll(files.keySet());
    assertThat(only).as("the figures, and the manifest that names them").hasSize(2);
    assertThat(others).hasSameSizeAs(files);
    files.keySet().retainAll(others.keySet());
    files.remove("index.json");
    assertThat(others).containsAllEntriesOf(files);
  }

  private Path packed(String name, List<String> more, String... options) throws Exception {
    Path out = folder.resolve(name);
    Path log = folder.resolve(name + ".log");
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--model=" + folder.resolve("model.onnx"),
                "--calibration=" + folder.resolve("calibration.npy"),
                "--evaluation=" + folder.resolve("evaluation.npy"),
                "--profile=" + PROFILES,
                "--key=" + folder.resolve("release.pem"),
                "--max-drop=0.5",
                "--json=" + folder.resolve(name + ".json"),
                "--out=" + out));
    arguments.addAll(more);
    List<String> all =
        new ArrayList<>(
            List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
    all.addAll(Arrays.asList(options));
    assertThat(
            JavaProcess.here(Main.class, folder, all.toArray(String[]::new))
                .run(
                    MOST,
                    ProcessBuilder.Redirect.to(log.toFile()),
                    arguments.toArray(String[]::new)))
        .as(() -> said(log))
        .hasValue(0);
    return out;
  }

  private static String said(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private JsonElement json(String name) throws IOException {
    return JsonParser.parseString(Files.readString(folder.resolve(name + ".json")));
  }

  /** A report by which what ships without one is the fastest. */
  private Path timings(JsonElement report) throws IOException {
    List<DeviceTimings.Timing> timings = new ArrayList<>();
    report
        .getAsJsonObject()
        .getAsJsonArray("variants")
        .forEach(
            each -> {
              boolean winner = each.getAsJsonObject().get("winner").getAsBoolean();
              if (each.getAsJsonObject().get("profile").getAsString().equals("arm64-neon")) {
                timings.add(
                    new DeviceTimings.Timing(
                        Digest.parse(each.getAsJsonObject().get("model").getAsString()),
                        each.getAsJsonObject().get("engine").getAsString(),
                        winner ? 100 : 200,
                        300,
                        1,
                        0,
                        10));
              }
            });
    return Files.write(
        folder.resolve("timings.json"), new DeviceTimings("arm64-neon", "cam-1", timings).json());
  }

  private static Map<String, Digest> files(Path root) throws IOException {
    Map<String, Digest> files = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(root)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        files.put(root.relativize(path).toString(), Digest.of(Files.readAllBytes(path)));
      }
    }
    return files;
  }

  private static NpyArray items(long seed) {
    Random random = new Random(seed);
    float[] values = new float[ITEMS * ELEMENTS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian() + i / ELEMENTS % 7;
    }
    return NpyArray.ofFloats(values, ITEMS, 14, 30);
  }
}
