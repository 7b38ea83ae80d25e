package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.agent.TinyOnnx;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
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

    assertThat(
            run("enroll", "--token", "unread", "--device", "cam-1", "--data-dir", file + "/data"))
        .isEqualTo(1);
    assertThat(err.toString()).startsWith("error: cannot write to ").hasLineCount(1);
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

  private int run(String... arguments) {
    return Main.execute(new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }
}
