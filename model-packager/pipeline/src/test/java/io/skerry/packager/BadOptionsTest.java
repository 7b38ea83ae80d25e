package io.skerry.packager;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Nets;
import io.skerry.packager.process.JavaProcess;
import io.skerry.packager.tflite.TfliteExport;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files that are none of what an option wants: one line says which option, which file, what to do.
 */
class BadOptionsTest {
  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {"--model", "--labels", "--reference-labels", "--key", "--monitoring", "--timings"})
  void namesAFolderWhereAFileIsWanted(String option) throws Exception {
    Path given = Files.createDirectories(folder.resolve("given.onnx"));

    assertThat(said(option, given))
        .isEqualTo("skerry pack: %s %s is a folder: name a file".formatted(option, given));
  }

  @Test
  void saysHowToMakeWhatCannotBeRead() throws Exception {
    Path noise = Files.writeString(folder.resolve("noise"), "{ [");

    assertThat(said("--key", noise)).contains(noise.toString(), "give another file");
    assertThat(said("--monitoring", noise))
        .contains(noise.toString(), "no YAML")
        .endsWith("correct it");
    assertThat(said("--timings", noise))
        .isEqualTo(
            "skerry pack: %s is no JSON: write it again with 'skerry agent bench --report'"
                .formatted(noise));
  }

  @Test
  void readsNoMoreOfTimingsThanTheyMayHave() throws Exception {
    Path huge = Huge.file(folder.resolve("huge"));

    assertThat(said("--timings", huge))
        .contains(huge.toString(), "more than 1048576")
        .endsWith("write it again with 'skerry agent bench --report'");
  }

  /** The engine's own word for it says neither which file nor what to do. */
  @Test
  @Tag("slow")
  void tellsOfADamagedTfliteFileInOneLine() throws Exception {
    byte[] whole = TfliteExport.write(Nets.sensorNet(1));
    Path cut = Files.write(folder.resolve("cut.tflite"), Arrays.copyOf(whole, whole.length / 2));
    Path said = folder.resolve("said.txt");

    assertThat(
            JavaProcess.here(Main.class, folder)
                .run(
                    Duration.ofMinutes(2),
                    ProcessBuilder.Redirect.to(said.toFile()),
                    "--model=" + cut,
                    "--calibration=" + cut,
                    "--profile=arm64-neon",
                    "--out=" + folder.resolve("out")))
        .hasValue(1);

    assertThat(said)
        .content()
        .isEqualToIgnoringNewLines(
            "skerry pack: %s: the TFLite model is damaged: export it again".formatted(cut));
  }

  private String said(String option, Path given) throws Exception {
    Path model = Files.writeString(folder.resolve("model.onnx"), "");
    Path out = folder.resolve("out");
    List<String> arguments =
        new ArrayList<>(List.of("--calibration=" + model, "--profile=arm64-neon", "--out=" + out));
    if (!option.equals("--model")) {
      arguments.add("--model=" + model);
    }
    arguments.add(option + "=" + given);
    PrintStream before = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    System.setErr(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      assertThat(PackCommand.run(arguments.toArray(String[]::new))).isEqualTo(1);
    } finally {
      System.setErr(before);
    }
    assertThat(out).doesNotExist();
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).allMatch(path -> !path.toString().contains("out"));
    }
    return said.toString(StandardCharsets.UTF_8).strip();
  }
}
