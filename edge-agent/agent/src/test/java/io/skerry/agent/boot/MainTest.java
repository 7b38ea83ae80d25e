package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.TinyOnnx;
import io.skerry.agent.disk.Disk;
import io.skerry.agent.identity.DeviceIdentity;
import io.skerry.agent.identity.TestDevicePort;
import io.skerry.artifact.DeviceTimings;
import io.skerry.profile.FactsProbe;
import io.skerry.protocol.Digest;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MainTest {
  @TempDir private Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @Test
  void anUnknownOptionIsOneLineAndUsage() {
    assertThat(run("serve", "--modles", "x")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: ")
        .contains("--modles")
        .contains("skerry agent serve --help")
        .hasLineCount(1);
  }

  @Test
  void aMissingCommandIsUsage() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString()).startsWith("error: a command is missing").hasLineCount(1);
  }

  @Test
  void aMissingFolderIsNamed() {
    Path absent = folder.resolve("absent");

    assertThat(run("serve", "--models", absent.toString(), "--listen", "tcp:127.0.0.1:0"))
        .isEqualTo(3);
    assertThat(err.toString()).isEqualTo("error: no folder of models at '%s'%n".formatted(absent));
  }

  @Test
  void anEmptyFolderSaysWhatIsExpected() {
    assertThat(run("serve", "--models", folder.toString(), "--listen", "tcp:127.0.0.1:0"))
        .isEqualTo(3);
    assertThat(err.toString()).contains("<model>/<version>/model.onnx").hasLineCount(1);
  }

  @Test
  void enrollAsksForAPlaceToWriteBeforeItUsesTheTokenUp() throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    try (TestDevicePort port = new TestDevicePort()) {
      String token = port.token();

      assertThat(run("enroll", "--token", token, "--device", "cam-1", "--data-dir", file + "/data"))
          .isEqualTo(1);
      assertThat(err.toString()).startsWith("error: cannot write to ").hasLineCount(1);
      assertThat(
              run("enroll", "--token", token, "--device", "cam-1", "--data-dir", folder + "/data"))
          .isZero();
    }
  }

  @Test
  void enrollNamesWhatIsMissingOrMeansNothing() {
    String data = folder.resolve("data").toString();

    assertThat(run("enroll", "--device", "cam-1", "--data-dir", data)).isEqualTo(2);
    assertThat(run("enroll", "--token", "t", "--data-dir", data)).isEqualTo(2);
    assertThat(run("enroll", "--show-key", "--pkcs11-pin", "p", "--data-dir", data)).isEqualTo(2);
    assertThat(run("enroll", "--token", "t", "--device", "a/b", "--data-dir", data)).isEqualTo(2);
    assertThat(err.toString())
        .contains("'--token'")
        .contains("'--device'")
        .contains("--pkcs11-pin says nothing without --pkcs11")
        .contains("--device: ")
        .hasLineCount(4);
  }

  @Test
  void enrollShowsTheKeyThatItWillSend() {
    String data = folder.resolve("data").toString();

    assertThat(run("enroll", "--show-key", "--data-dir", data)).isZero();
    assertThat(run("enroll", "--show-key", "--data-dir", data)).isZero();

    assertThat(out.toString().lines().distinct())
        .singleElement()
        .asString()
        .matches("[0-9a-f]{64}");
  }

  @Test
  void enrollRefusesAFolderThatHoldsAnIdentityUnlessAgain() throws Exception {
    String data = folder.resolve("data").toString();
    try (TestDevicePort port = new TestDevicePort()) {
      String token = port.token();
      assertThat(run("enroll", "--token", token, "--device", "cam-1", "--data-dir", data)).isZero();

      assertThat(run("enroll", "--token", token, "--device", "cam-1", "--data-dir", data))
          .isEqualTo(1);
      assertThat(err.toString()).contains("already holds an identity").contains("--again");
      assertThat(run("status", "--data-dir", data)).isEqualTo(1);
      assertThat(out.toString())
          .contains("enrolled cam-1 of tenant default; certificate until ")
          .contains("NOT RUNNING; it never ran")
          .contains("certificate expires in 29 d");
    }
    try (TestDevicePort other = new TestDevicePort()) {
      assertThat(
              run(
                  "enroll",
                  "--again",
                  "--token",
                  other.token(),
                  "--device",
                  "cam-1",
                  "--data-dir",
                  data))
          .isZero();
      assertThat(DeviceIdentity.load(Disk.local(), Path.of(data)).controlBase())
          .isEqualTo(other.base());
    }
  }

  @Test
  void statusOfAFolderWithoutADeviceIsNotFound() {
    assertThat(run("status", "--data-dir", folder.toString())).isEqualTo(3);
    assertThat(err.toString()).contains("run 'skerry agent enroll' first").hasLineCount(1);
  }

  @Test
  void aBadAddressIsUsage() {
    assertThat(run("serve", "--models", folder.toString(), "--listen", "8001")).isEqualTo(2);
    assertThat(err.toString()).contains("unix:PATH or tcp:HOST:PORT").hasLineCount(1);
  }

  @Test
  void aModelThatDoesNotLoadIsNamed() throws Exception {
    Path version = Files.createDirectories(folder.resolve("broken/3"));
    Files.write(version.resolve("model.onnx"), new byte[] {1, 2, 3});

    assertThat(run("serve", "--models", folder.toString(), "--listen", "tcp:127.0.0.1:0"))
        .isEqualTo(1);
    assertThat(err.toString())
        .contains("model broken@3 is not served: ")
        .contains("error: none of the models")
        .hasLineCount(2);
  }

  @Test
  void aTakenPortIsNamed() throws Exception {
    TinyOnnx.scale(Files.createDirectories(folder.resolve("scale/1")).resolve("model.onnx"), 2);
    try (ServerSocket other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String listen = "tcp:127.0.0.1:" + other.getLocalPort();

      assertThat(run("serve", "--models", folder.toString(), "--listen", listen)).isEqualTo(1);
      assertThat(err.toString())
          .isEqualTo(
              "error: cannot listen on %s: the port is taken; choose another --listen%n"
                  .formatted(listen));
    }
  }

  @Test
  void doctorNamesEnginesAndFacts() {
    assertThat(run("doctor")).isZero();
    assertThat(out.toString())
        .contains("engine     onnxruntime")
        .contains("processor")
        .contains("memory");
  }

  @Test
  void doctorTriesWhereTheAgentIsToListen() throws Exception {
    String good = "unix:" + folder.resolve("cam.sock");
    assertThat(run("doctor", "--listen", good + ",app=cam,mode=0600")).isZero();
    assertThat(out.toString())
        .contains("listen     %s (cam): rw-------, the agent's own group".formatted(good));
    assertThat(folder).isEmptyDirectory();

    assertThat(run("doctor", "--listen", good + ",group=no-such-group")).isEqualTo(1);
    assertThat(out.toString())
        .contains("listen     cannot listen on %s: there is no group".formatted(good));
    assertThat(err.toString()).isEqualTo("error: the agent cannot listen as told%n".formatted());
  }

  @Test
  void whatTracesNeedsACollector() {
    for (String option : List.of("--traces-ca=ca.pem", "--trace-ratio=0.5")) {
      int before = err.toString().length();

      assertThat(run("serve", "--models", "x", "--listen", "unix:/a", option)).isEqualTo(2);

      assertThat(err.toString().substring(before))
          .startsWith("error: %s needs --traces".formatted(option.split("=")[0]));
    }
  }

  @Test
  void aDeviceMayTakeLargerRequestsToo() {
    assertThat(run("run", "--data-dir", "x", "--listen", "unix:/a", "--message-mib", "2000"))
        .isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: --message-mib is 2000, expected 1 to 1024")
        .hasLineCount(1);
  }

  @Test
  void aSpoolOfMoreThanSegmentsFitTheHeapIsUsage() {
    assertThat(run("run", "--data-dir", "x", "--listen", "unix:/a", "--spool-mib", "8193"))
        .isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: --spool-mib is 8193, expected 1 to 8192")
        .hasLineCount(1);
  }

  @Test
  void doctorSaysOfEveryProfileWhyItIsUsedOrNot() throws Exception {
    Path profiles = profiles("my-npu", "qnn");

    assertThat(run("doctor", "--profiles", profiles.toString())).isZero();

    assertThat(out.toString())
        .containsPattern("profile {4}\\S+ is used: .*; onnxruntime runs on \\[cpu] of \\[cpu]")
        .containsPattern("profile {4}nvidia-tensorrt does not fit: needs the accelerator cuda")
        .containsPattern(
            "profile {4}my-npu does not fit: needs the engine onnxruntime/qnn, here work .*;"
                + " onnxruntime/qnn: its library .*libnpu.so is not here")
        .containsPattern("profile {4}qualcomm-qnn does not fit: needs [^;]*\n");

    Files.writeString(folder.resolve("libnpu.so"), "no library");
    assertThat(run("doctor", "--profiles", profiles.toString())).isZero();
    assertThat(out.toString())
        .containsPattern(
            "my-npu does not fit: .*; onnxruntime/qnn: .*libnpu.so: (file too short|.*ELF)");
  }

  @Test
  void everyCommandTellsAllMistakesInProfiles() throws Exception {
    Path profiles = profiles("one", "qnn");
    Files.writeString(
        profiles.resolve("one.yaml"),
        Files.readString(profiles.resolve("one.yaml")).replace("threads: 1", "threads: many"));
    Files.writeString(profiles.resolve("two.yaml"), "[]");
    String model = TinyOnnx.scale(folder.resolve("model.onnx"), 2).toString();
    for (List<String> command :
        List.of(
            List.of("doctor"),
            List.of("bench", "--model", model, "--profile", "one"),
            List.of("serve", "--models", folder.toString(), "--listen", "unix:" + folder + "/s"))) {
      List<String> line = new ArrayList<>(command);
      line.addAll(List.of("--profiles", profiles.toString()));
      int before = err.toString().length();

      assertThat(run(line.toArray(String[]::new))).as("%s", command).isEqualTo(1);

      assertThat(err.toString().substring(before))
          .startsWith("error: profiles in '%s' have mistakes:".formatted(profiles))
          .contains("one.yaml: key 'threads' is 'many'", "two.yaml: is no YAML map");
    }
  }

  @Test
  void saysThatThereIsNoFolderOfProfilesBeforeAnythingElse() throws Exception {
    Path file = Files.writeString(folder.resolve("profiles.yaml"), "id: one");
    for (Path missing : List.of(folder.resolve("absent"), file)) {
      assertThat(run("doctor", "--profiles", missing.toString())).isEqualTo(3);
      assertThat(out.toString()).isEmpty();
      assertThat(err.toString())
          .endsWith("error: there is no folder of profiles at '%s'%n".formatted(missing));
    }
  }

  @Test
  void serveKeepsNothingCompiledWithoutAProfile() {
    assertThat(
            run(
                "serve",
                "--models",
                folder.toString(),
                "--compiled",
                folder + "/c",
                "--allow-empty"))
        .isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: --compiled needs --profile or --profiles: without them models run on")
        .hasLineCount(1);
  }

  @Test
  void serveAnswersOnlyOnTheAcceleratorThatItsProfileAsksFor() throws Exception {
    TinyOnnx.scale(Files.createDirectories(folder.resolve("m/scale/1")).resolve("model.onnx"), 2);
    Path profiles = profiles("npu-only", "qnn");
    Path file = profiles.resolve("npu-only.yaml");
    Files.writeString(
        file,
        Files.readString(file)
            .replaceFirst("(?m)^ *engines: .onnxruntime/qnn.$", "")
            .replace("[qnn, cpu]", "[qnn]\naccelerator-only: true"));

    assertThat(
            run(
                "serve",
                "--models",
                folder.resolve("m").toString(),
                "--profiles",
                profiles.toString(),
                "--listen",
                "unix:" + folder.resolve("s")))
        .isEqualTo(1);

    assertThat(err.toString())
        .contains(
            "model scale@1 is not served: model.onnx is to run on an accelerator only, and none of"
                + " [qnn] can be used: qnn: ",
            "libnpu.so",
            "none of the models");
  }

  /** A folder with one profile that fits this machine if a library that is not here works. */
  private Path profiles(String id, String provider) throws Exception {
    Path profiles = Files.createDirectories(folder.resolve("profiles"));
    Files.writeString(
        profiles.resolve(id + ".yaml"),
        """
        id: %s
        description: a board with an accelerator
        match:
          priority: 900
          engines: [onnxruntime/%s]
        engines: [onnxruntime]
        precisions: [fp32, int8]
        execution-providers: [%s, cpu]
        libraries: [%s=%s/libnpu.so]
        threads: 1
        memory-budget: 64 MiB
        latency-budget: 10 ms
        int8: {activation: uint8}
        candidates: [onnxruntime/int8, onnxruntime/fp32]
        """
            .formatted(id, provider, provider, provider, folder));
    return profiles;
  }

  /** In one process a later model is given what an earlier one left. */
  @Test
  void benchReportsTheMemoryOfEachOfSeveralModels() throws Exception {
    Path first = TinyOnnx.scale(folder.resolve("first.onnx"), 2);
    Path second = TinyOnnx.scale(folder.resolve("second.onnx"), 3);
    Path report = folder.resolve("timings.json");

    assertThat(
            run(
                "bench",
                "--seconds",
                "1",
                "--model",
                first.toString(),
                "--model",
                second.toString(),
                "--device",
                "bench-1",
                "--report",
                report.toString()))
        .as(err.toString())
        .isZero();

    DeviceTimings told = DeviceTimings.parse("report", Files.readAllBytes(report));
    assertThat(told.device()).isEqualTo("bench-1");
    assertThat(told.timings())
        .extracting(DeviceTimings.Timing::model)
        .containsExactly(
            Digest.of(Files.readAllBytes(first)), Digest.of(Files.readAllBytes(second)));
    assertThat(told.timings())
        .allSatisfy(timing -> assertThat(timing.p50Micros()).isPositive())
        .allSatisfy(
            timing ->
                assertThat(timing.peakMemoryBytes())
                    .as("what the model takes, not its engine")
                    .isBetween(0L, 16L << 20));
    assertThat(out.toString().lines())
        .filteredOn(line -> line.contains("MB of memory"))
        .satisfiesExactly(
            line -> assertThat(line).startsWith(first.toString()),
            line -> assertThat(line).startsWith(second.toString()));
    assertThat(out.toString()).contains("served, inline", "wrote " + report);
  }

  @Test
  void benchTellsWhichOfSeveralModelsFailedAndWritesNoReport() throws Exception {
    Path good = TinyOnnx.scale(folder.resolve("good.onnx"), 2);
    Path bad = Files.writeString(folder.resolve("bad.onnx"), "no model");
    Path report = folder.resolve("timings.json");

    assertThat(
            run("bench", "--seconds=1", "--model=" + good, "--model=" + bad, "--report=" + report))
        .isEqualTo(1);

    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .startsWith("error: ")
        .contains("bad.onnx");
    assertThat(report).doesNotExist();
  }

  @Test
  void benchTimesNothingForAProfileOfAnotherMachine() throws Exception {
    Path model = TinyOnnx.scale(folder.resolve("model.onnx"), 2);
    String other =
        FactsProbe.detect(List.of()).arch().equals("arm64") ? "x86-64-avx2" : "arm64-neon";
    Path report = folder.resolve("timings.json");

    assertThat(
            run(
                "bench",
                "--seconds",
                "1",
                "--model",
                model.toString(),
                "--profile",
                other,
                "--report",
                report.toString()))
        .isEqualTo(1);

    assertThat(err.toString())
        .startsWith("error: this machine is none of profile '%s': ".formatted(other));
    assertThat(report).doesNotExist();
    assertThat(run("bench", "--model", model.toString(), "--profile", "toaster")).isEqualTo(3);
    assertThat(err.toString()).contains("no hardware profile 'toaster': there are arm64-");
  }

  @Test
  void oneAddressTwiceIsUsage() {
    assertThat(run("serve", "--models", "x", "--listen", "unix:/a", "--listen", "unix:/a,app=cam"))
        .isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: --listen: unix:/a is given twice")
        .hasLineCount(1);
  }

  private int run(String... arguments) {
    return Main.execute(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }
}
