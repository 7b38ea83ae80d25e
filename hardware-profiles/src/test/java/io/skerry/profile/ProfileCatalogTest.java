package io.skerry.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProfileCatalogTest {
  private static final ProfileCatalog CATALOG = ProfileCatalog.builtIn();

  @ParameterizedTest
  @CsvSource({
    "x86-64, sse2 avx2, '', x86-64-avx2",
    "x86-64, avx2 avx512_vnni, '', x86-64-vnni",
    "x86-64, avx2 avx_vnni, '', x86-64-vnni",
    "x86-64, sse2, '', none",
    "arm64, asimd, '', arm64-neon",
    "arm64, asimd asimddp, '', arm64-dotprod",
    "arm64, asimd asimddp, cuda:8.7, nvidia-cuda",
    "x86-64, avx2, cuda, nvidia-cuda",
    "x86-64, avx2, cudax, x86-64-avx2",
    "riscv64, v, '', none",
  })
  void choosesTheMostSpecificProfile(
      String arch, String features, String accelerators, String expected) {
    HardwareFacts facts =
        HardwareFacts.of(
            arch,
            List.of(features.split(" ")),
            accelerators.isEmpty() ? List.of() : List.of(accelerators));

    assertThat(CATALOG.bestMatch(facts).map(HardwareProfile::id).orElse("none"))
        .isEqualTo(expected);
  }

  @Test
  void choosesAmongTheWantedProfilesOnly() {
    HardwareFacts facts =
        HardwareFacts.of("x86-64", List.of("avx2", "avx512_vnni"), List.of("cuda:8.7"));

    assertThat(
            CATALOG.bestMatch(
                facts, profile -> profile.executionProviders().equals(List.of("cpu"))))
        .map(HardwareProfile::id)
        .contains("x86-64-vnni");
  }

  @Test
  void saysWhatAMachineLacks() {
    HardwareFacts facts = HardwareFacts.of("x86-64", List.of("avx2"), List.of());

    assertThat(CATALOG.profile("x86-64-vnni").orElseThrow().match(facts).reason())
        .isEqualTo("needs one of the CPU features [avx512_vnni, avx_vnni]");
    assertThat(CATALOG.profile("arm64-neon").orElseThrow().match(facts).reason())
        .isEqualTo("needs arm64, this is x86-64");
    assertThat(CATALOG.profile("nvidia-cuda").orElseThrow().match(facts).reason())
        .isEqualTo("needs the accelerator cuda");
  }

  @Test
  void readsEveryKeyOfAProfile() {
    HardwareProfile profile = CATALOG.profile("x86-64-avx2").orElseThrow();

    assertThat(profile.engines()).containsExactly(Engine.ONNXRUNTIME, Engine.TFLITE);
    assertThat(profile.precisions()).containsExactly(Precision.FP32, Precision.INT8);
    assertThat(profile.executionProviders()).containsExactly("cpu");
    assertThat(profile.threads()).isEqualTo(1);
    assertThat(profile.memoryBudgetBytes()).isEqualTo(256L << 20);
    assertThat(profile.latencyBudget()).isEqualTo(Duration.ofMillis(10));
    assertThat(profile.int8())
        .isEqualTo(new Int8Rules(Int8Rules.Activation.UINT8, true, false, false));
    assertThat(profile.candidates().getFirst())
        .isEqualTo(new Candidate(Engine.TFLITE, Precision.INT8));
  }

  @Test
  void everyBuiltInProfileIsNamedLikeItsFileAndDescribesItself() {
    assertThat(CATALOG.profiles())
        .extracting(HardwareProfile::id)
        .containsExactly(
            "arm64-dotprod",
            "arm64-neon",
            "intel-openvino",
            "nvidia-cuda",
            "nvidia-tensorrt",
            "qualcomm-qnn",
            "x86-64-avx2",
            "x86-64-vnni");
    assertThat(CATALOG.profiles())
        .allSatisfy(
            profile ->
                assertThat(HardwareProfile.parse("f", CATALOG.yaml(profile.id()).orElseThrow()))
                    .isEqualTo(profile));
  }

  @Test
  void tellsAllMistakesAtOnceWithFileAndKey() {
    String yaml =
        CATALOG
            .yaml("x86-64-avx2")
            .orElseThrow()
            .replace("threads: 1", "thread: 1")
            .replace("256 MiB", "256 MB")
            .replace("priority: 10", "priority: high")
            .replace("activation: uint8", "activation: uint9")
            .replace("engines: [onnxruntime, tflite]", "engines: [onnxruntime, tensorflow]");

    ProfileException thrown =
        catchThrowableOfType(ProfileException.class, () -> HardwareProfile.parse("bad.yaml", yaml));

    assertThat(thrown.mistakes())
        .containsExactlyInAnyOrder(
            "bad.yaml: key 'threads' is missing",
            "bad.yaml: key 'thread' is unknown, did you mean 'threads'?",
            "bad.yaml: key 'memory-budget' is '256 MB', expected for example '64 MiB'",
            "bad.yaml: key 'match.priority' is 'high', expected a whole number from 0 to 1000",
            "bad.yaml: key 'int8.activation' is 'uint9', expected one of [uint8, int8]",
            "bad.yaml: key 'engines' has 'tensorflow', expected some of [onnxruntime, tflite]",
            "bad.yaml: key 'candidates' 'tflite/int8' names what engines and precisions do not list",
            "bad.yaml: key 'candidates' 'tflite/fp32' names what engines and precisions do not list");
  }

  @Test
  void readsHowEnginesUseAnAccelerator() {
    String yaml =
        CATALOG
                .yaml("arm64-dotprod")
                .orElseThrow()
                .replace("execution-providers: [cpu]", "execution-providers: [tensorrt, qnn, cpu]")
            + """
        accelerator-only: true
        memory-arena: release
        libraries: ["qnn=/usr/lib/libQnn.so", "tflite-delegate=/usr/lib/libedgetpu.so.1"]
        """;

    HardwareProfile profile = HardwareProfile.parse("npu.yaml", yaml);

    assertThat(profile.executionProviders()).containsExactly("tensorrt", "qnn", "cpu");
    assertThat(profile.engine())
        .isEqualTo(
            new EngineSettings(
                true,
                false,
                Map.of(
                    "qnn",
                    "/usr/lib/libQnn.so",
                    EngineSettings.TFLITE_DELEGATE,
                    "/usr/lib/libedgetpu.so.1")));
    assertThat(CATALOG.profile("arm64-neon").orElseThrow().engine())
        .isEqualTo(EngineSettings.DEFAULTS);
    assertThat(
            catchThrowableOfType(
                    ProfileException.class,
                    () ->
                        HardwareProfile.parse(
                            "bad.yaml", yaml.replace("qnn=/usr/lib", "npu=relative")))
                .mistakes())
        .containsExactly(
            "bad.yaml: key 'libraries' 'npu=relative/libQnn.so' is not NAME=/ABSOLUTE/PATH with a name of [openvino, qnn, tflite-delegate]");
  }

  @Test
  void refusesWhatIsNoYamlMapInOneLine() {
    for (String yaml : List.of("", "[1]", "id: [", "id: a\nid: b", "\tid: a")) {
      ProfileException thrown =
          catchThrowableOfType(
              ProfileException.class, () -> HardwareProfile.parse("bad.yaml", yaml));
      assertThat(thrown.mistakes()).as(yaml).hasSize(1);
      assertThat(thrown.getMessage()).startsWith("bad.yaml: ").doesNotContain("\n");
    }
    assertThat(
            catchThrowableOfType(
                    ProfileException.class, () -> HardwareProfile.parse("bad.yaml", "{}"))
                .mistakes())
        .hasSizeGreaterThan(8);
  }

  @Test
  void aFolderAddsProfilesAndReplacesABuiltInOneOnlyIfItSaysSo(@TempDir Path folder)
      throws IOException {
    String yaml = CATALOG.yaml("arm64-neon").orElseThrow();
    String faster = yaml.replace("threads: 1", "threads: 4");
    Files.writeString(folder.resolve("arm64-neon.yaml"), faster + "replaces-built-in: true\n");
    Files.writeString(
        folder.resolve("my-board.yaml"), yaml.replace("id: arm64-neon", "id: my-board"));

    ProfileCatalog catalog = ProfileCatalog.load(folder);

    assertThat(catalog.profiles()).hasSize(CATALOG.profiles().size() + 1);
    assertThat(catalog.profile("arm64-neon").orElseThrow().threads()).isEqualTo(4);
    Files.writeString(folder.resolve("arm64-neon.yaml"), faster);
    Files.writeString(folder.resolve("other.yaml"), faster);
    Files.writeString(
        folder.resolve("my-board.yaml"),
        yaml.replace("id: arm64-neon", "id: my-board\nreplaces-built-in: true"));
    Files.write(folder.resolve("raw.yaml"), new byte[] {(byte) 0xff});
    Files.write(folder.resolve("large.yaml"), new byte[65 << 10]);
    Files.writeString(folder.resolve("deep.yaml"), "[".repeat(10_000));
    String taken =
        "key 'id' is 'arm64-neon', which is a built-in profile's: choose another, or say"
            + " 'replaces-built-in: true'";
    assertThat(
            catchThrowableOfType(ProfileException.class, () -> ProfileCatalog.load(folder))
                .mistakes())
        .containsExactly(
            "arm64-neon.yaml: " + taken,
            "deep.yaml: is nested too deep",
            "large.yaml: is larger than 64 KiB",
            "my-board.yaml: key 'replaces-built-in' is true, but no built-in profile is called"
                + " 'my-board'",
            "other.yaml: " + taken,
            "raw.yaml: is no UTF-8 text");
  }

  @Test
  void theTextOfABuiltInProfileReplacesNothing(@TempDir Path folder) throws IOException {
    String yaml = CATALOG.yaml("arm64-neon").orElseThrow();
    Files.writeString(folder.resolve("arm64-neon.yaml"), yaml);

    assertThat(ProfileCatalog.load(folder).profiles()).isEqualTo(CATALOG.profiles());

    Files.writeString(folder.resolve("other.yaml"), yaml);
    assertThatThrownBy(() -> ProfileCatalog.load(folder))
        .isInstanceOf(ProfileException.class)
        .hasMessage(
            "profiles in '%s' have mistakes:%n  other.yaml: holds profile 'arm64-neon': name the file after it"
                .formatted(folder));
  }

  @ParameterizedTest
  @CsvSource({
    "x86-64, avx2, cuda, onnxruntime/cpu, nvidia-cuda",
    "x86-64, avx2, cuda, onnxruntime/tensorrt, nvidia-tensorrt",
    "x86-64, avx2 avx512_vnni, intel-gpu, onnxruntime/cpu, x86-64-vnni",
    "x86-64, avx2 avx512_vnni, '', onnxruntime/openvino, intel-openvino",
    "arm64, asimd asimddp, qualcomm-npu, onnxruntime/cpu, arm64-dotprod",
    "arm64, asimd asimddp, qualcomm-npu, onnxruntime/qnn, qualcomm-qnn",
  })
  void anAcceleratorCountsOnlyWhereAnEngineWorksOnIt(
      String arch, String features, String accelerators, String engine, String expected) {
    HardwareFacts facts =
        HardwareFacts.of(
                arch,
                List.of(features.split(" ")),
                accelerators.isEmpty() ? List.of() : List.of(accelerators))
            .withEngines(List.of(engine));

    assertThat(CATALOG.bestMatch(facts)).map(HardwareProfile::id).contains(expected);
  }

  @Test
  void recognisesABoardByAPartOfItsName() {
    String yaml =
        CATALOG
            .yaml("arm64-neon")
            .orElseThrow()
            .replace("priority: 10", "boards: [jetson orin, Other]\n  priority: 10");
    HardwareProfile profile = HardwareProfile.parse("orin.yaml", yaml);

    assertThat(profile.match(board("NVIDIA Jetson Orin Nano")).matches()).isTrue();
    assertThat(profile.match(board("Pi 5")).reason())
        .isEqualTo("needs a board of [jetson orin, Other], this is 'Pi 5'");
    assertThat(
            catchThrowableOfType(
                    ProfileException.class,
                    () ->
                        HardwareProfile.parse(
                            "bad.yaml",
                            yaml.replace("boards:", "engines: [onnxruntime/npu]\n  boards:")))
                .getMessage())
        .startsWith("bad.yaml: key 'match.engines' has 'onnxruntime/npu', expected some of [");
  }

  private static HardwareFacts board(String name) {
    return new HardwareFacts("arm64", List.of("asimd"), 4, 1, List.of(), List.of(), name);
  }
}
