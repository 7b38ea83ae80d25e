package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.skerry.api.client.SkerryClient;
import io.skerry.artifact.keys.KeyFolder;
import io.skerry.artifact.npy.NpyArray;
import io.skerry.artifact.sign.DsseEnvelope;
import io.skerry.e2e.scene.Await;
import io.skerry.e2e.scene.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A release key that never lies on the server: files carry what it signs, both ways. */
@Tag("slow")
class OfflineReleaseTest {
  private static final Duration PACKAGED_WITHIN = Duration.ofMinutes(5);
  private static final Duration REVIEWED_WITHIN = Duration.ofMinutes(1);
  private static final String VERSION = "/v1/models/tiny/versions/1";
  private static final int FEATURES = 3;
  private static final int ITEMS = 40;

  @TempDir Path folder;

  @Test
  void awaitsTheSignatureAndTakesItFromAFile() throws Exception {
    Path keys = folder.resolve("fleet-keys");
    done(Program.KEYS.run("create", "keys", "--out", keys.toString(), "--delegate", "none"));
    copy(keys.resolve("online"), Files.createDirectories(folder.resolve("data/keys")));
    try (RunningServer server = RunningServer.start(folder, List.of())) {
      SkerryClient client = server.client();
      importModel(client);
      assertThat(folder.resolve("data/keys/offline")).doesNotExist();
      assertThat(states(client)).containsOnly("AWAITING_SIGNATURE").hasSize(2);
      assertThat(cli("get", "models").output()).contains("0 released, 2 AWAITING_SIGNATURE");
      Program.Ended refused = cli("create", "rollout", "tiny@1");
      assertThat(refused.exitCode()).isEqualTo(5);
      assertThat(refused.errors())
          .contains("for arm64-neon, x86-64-avx2")
          .contains("./skerry get release tiny@1 --out unsigned.json");

      done(cli("get", "release", "tiny:1", "--out", file("unsigned.json")));
      Program.Ended partial = cli("create", "signature", "tiny@1", "-f", file("unsigned.json"));
      assertThat(partial.exitCode()).isEqualTo(1);
      assertThat(partial.errors()).contains("'variants[0].signatures' has 0 of the 1 needed");
      assertThat(states(client)).containsOnly("AWAITING_SIGNATURE");

      Program.Ended signed = sign(keys, "unsigned.json", "signed.json");
      done(signed);
      assertThat(signed.output()).contains("tiny@1", "arm64-neon", "x86-64-avx2", "sha256:");

      Program.Ended brought = cli("create", "signature", "tiny@1", "-f", file("signed.json"));
      done(brought);
      assertThat(brought.output()).contains("model/tiny@1: 2 released");
      assertThat(states(client)).containsOnly("RELEASED").hasSize(2);
      done(cli("create", "signature", "tiny@1", "-f", file("signed.json")));
      devicesBelieve(client, keys);
      assertThat(cli("create", "rollout", "tiny@1").errors()).contains("no device can run tiny@1");
      releasedAgainByANewKey(client, keys);
    }
  }

  /** What only a key signed that was rotated away awaits the next one's signature. */
  private void releasedAgainByANewKey(SkerryClient client, Path keys) throws Exception {
    done(Program.KEYS.run("rotate", "keys", "--dir", keys.toString(), "--new-release"));
    Files.copy(keys.resolve("online/root.2.json"), folder.resolve("data/keys/root.2.json"));
    Await.until(
        REVIEWED_WITHIN,
        "signatures awaited again",
        () -> states(client).equals(List.of("AWAITING_SIGNATURE", "AWAITING_SIGNATURE")),
        () -> states(client).toString());
    assertThat(cli("create", "rollout", "tiny@1").errors()).contains("./skerry get release tiny@1");
    assertThat(cli("create", "signature", "tiny@1", "-f", file("signed.json")).exitCode())
        .isEqualTo(1);
    assertThat(states(client)).containsOnly("AWAITING_SIGNATURE");

    done(cli("get", "release", "tiny@1", "--out", file("again.json")));
    done(sign(keys, "again.json", "signed-again.json"));
    done(cli("create", "signature", "tiny@1", "-f", file("signed-again.json")));
    assertThat(states(client)).containsOnly("RELEASED").hasSize(2);
    devicesBelieve(client, keys);
  }

  private static void done(Program.Ended ended) {
    assertThat(ended.exitCode()).as(ended.errors()).isZero();
  }

  private Program.Ended sign(Path keys, String in, String out) {
    return Program.KEYS.run(
        "sign",
        "release",
        "--keys",
        keys.resolve("offline").toString(),
        "--in",
        file(in),
        "--out",
        file(out));
  }

  private String file(String name) {
    return folder.resolve(name).toString();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.list(from)) {
      for (Path one : files.toList()) {
        Files.copy(one, to.resolve(one.getFileName()));
      }
    }
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

  private void importModel(SkerryClient client) throws Exception {
    Path model = Files.write(folder.resolve("tiny.onnx"), TinyModels.goodWithFactorIn("w/2.bin"));
    Path calibration = folder.resolve("calibration.npy");
    Random random = new Random(7);
    float[] values = new float[ITEMS * FEATURES];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    NpyArray.ofFloats(values, ITEMS, FEATURES).write(calibration);
    Program.Ended without = cli(importing(model, calibration));
    assertThat(without.exitCode()).isEqualTo(2);
    assertThat(without.errors())
        .contains(
            "tiny.onnx: node 'output' (Mul): constant 'factor' lies in 'w/2.bin', which is no regular"
                + " file beside");
    Files.createDirectory(folder.resolve("w"));
    Files.write(folder.resolve("w/2.bin"), TinyModels.bytes(2));
    done(cli(importing(model, calibration)));
    Await.until(
        PACKAGED_WITHIN,
        "packaged",
        () -> packaging(client).get("state").getAsString().equals("SUCCEEDED"),
        () -> packaging(client).toString());
  }

  private static String[] importing(Path model, Path calibration) {
    return new String[] {
      "import",
      "model",
      model.toString(),
      "--name",
      "tiny",
      "--calibration",
      calibration.toString(),
      "--profile",
      "x86-64-avx2",
      "--profile",
      "arm64-neon"
    };
  }

  private static JsonObject packaging(SkerryClient client) {
    return client.get(VERSION + "/variants", JsonObject.class);
  }

  private static List<JsonObject> winners(SkerryClient client) {
    List<JsonObject> winners = new ArrayList<>();
    for (JsonElement variant : client.get(VERSION, JsonObject.class).getAsJsonArray("variants")) {
      if (variant.getAsJsonObject().get("winner").getAsBoolean()) {
        winners.add(variant.getAsJsonObject());
      }
    }
    return winners;
  }

  private static List<String> states(SkerryClient client) {
    return winners(client).stream().map(variant -> variant.get("state").getAsString()).toList();
  }

  private static void devicesBelieve(SkerryClient client, Path keys) throws IOException {
    for (JsonObject variant : winners(client)) {
      String hex = variant.get("signature").getAsString().substring("sha256:".length());
      DsseEnvelope envelope = DsseEnvelope.parseJson(client.getBytes("/artifacts/sha256/" + hex));
      assertThat(KeyFolder.at(keys).trust().released(envelope).profile().value())
          .isEqualTo(variant.get("profile").getAsString());
    }
  }
}
