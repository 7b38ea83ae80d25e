package io.skerry.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a user gets who gives a program something it cannot use: one clear line, nothing left. */
@Tag("slow")
class BadInputTest {
  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void everyProgramRefusesAnUnknownOptionWithUsage(Program program) {
    Program.Ended ended = program.run("--no-such-option");

    assertThat(ended.exitCode()).isEqualTo(2);
    assertThat(ended.errors()).contains("--no-such-option");
  }

  @ParameterizedTest
  @EnumSource
  void everyProgramExplainsItself(Program program) {
    Program.Ended ended = program.run("--help");

    assertThat(ended.exitCode()).isZero();
    assertThat(ended.output()).contains("Usage: ");
  }

  @Test
  void demoNamesTheMissingDataFile() {
    Program.Ended ended = Program.DEMO.run("--once", "--data", folder.toString());

    assertThat(ended.exitCode()).isEqualTo(1);
    assertThat(ended.errorLines())
        .singleElement()
        .asString()
        .contains("train_FD001.txt")
        .contains("--data wants a folder");
  }

  @Test
  void demoRefusesAReportThatCannotBeWrittenBeforeItStartsAnything() {
    Program.Ended ended =
        Program.DEMO.run("--once", "--json", folder.resolve("missing/out.json").toString());

    assertThat(ended.exitCode()).isEqualTo(1);
    assertThat(ended.errorLines()).singleElement().asString().contains("missing/out.json");
  }

  @Test
  void agentNamesAMissingModelFolder() {
    Program.Ended ended =
        Program.AGENT.run(
            "serve",
            "--models",
            folder.resolve("nowhere").toString(),
            "--listen",
            "unix:" + folder.resolve("agent.sock"));

    assertThat(ended.exitCode()).isNotZero();
    assertThat(ended.errors()).contains("nowhere");
  }

  @Test
  void serverRefusesATakenPortWithOneLine() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Program.Ended ended =
          Program.SERVER.run(
              "--data-dir",
              folder.resolve("data").toString(),
              "--port",
              Integer.toString(taken.getLocalPort()),
              "--device-port",
              "0",
              "--mqtt-port",
              "0");

      assertThat(ended.exitCode()).isEqualTo(1);
      assertThat(ended.errorLines())
          .anySatisfy(line -> assertThat(line).contains(Integer.toString(taken.getLocalPort())));
    }
  }

  @Test
  void serverRefusesAnUnknownKeyWithASuggestion() throws IOException {
    Path config = Files.writeString(folder.resolve("server.yaml"), "prot: 8080\n");

    Program.Ended ended = Program.SERVER.run("--config", config.toString());

    assertThat(ended.exitCode()).isEqualTo(2);
    assertThat(ended.errors()).contains("prot").contains("port");
  }

  @Test
  void packagerLeavesNothingBehindForAModelThatIsNone() throws IOException {
    Path model = Files.writeString(folder.resolve("model.onnx"), "this is no model");
    Path out = folder.resolve("out");

    Program.Ended ended =
        Program.PACK.run(
            "--model",
            model.toString(),
            "--calibration",
            model.toString(),
            "--evaluation",
            model.toString(),
            "--labels",
            model.toString(),
            "--profile",
            "x86-64-vnni",
            "--out",
            out.toString());

    assertThat(ended.exitCode()).isEqualTo(1);
    assertThat(ended.errors()).contains("model.onnx");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).containsExactly(model);
    }
  }
}
