package io.skerry.agent.boot;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.skerry.agent.TinyOnnx;
import io.skerry.agent.serve.ListenAddress;
import io.skerry.agent.serve.TestClient;
import io.skerry.wire.inference.ModelInferRequest;
import io.skerry.wire.inference.ModelInferRequest.InferInputTensor;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program itself, from its command line to its end. */
@Tag("slow")
class ServeProcessTest {
  private static final int SIGTERM_EXIT_CODE = 143;

  @TempDir private Path folder;

  @Test
  void servesAFolderUntilItIsToldToStop() throws Exception {
    TinyOnnx.scale(
        Files.createDirectories(folder.resolve("models/scale/1")).resolve("model.onnx"), 2);
    Files.createDirectories(folder.resolve("models/empty/1"));
    Path socket = folder.resolve("agent.sock");
    Path second = folder.resolve("cam.sock");
    Process agent =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "serve",
                "--models",
                folder.resolve("models").toString(),
                "--listen",
                "unix:" + socket,
                "--listen",
                "unix:" + second + ",app=cam")
            .redirectError(folder.resolve("err").toFile())
            .start();
    try (BufferedReader out = agent.inputReader();
        TestClient client = TestClient.to(new ListenAddress.Unix(socket))) {
      assertThat(out.readLine())
          .isEqualTo("serving 1 models on unix:%s, unix:%s (cam)".formatted(socket, second));
      assertThat(second).exists();

      ByteString answer =
          client
              .inference()
              .modelInfer(
                  ModelInferRequest.newBuilder()
                      .setModelName("scale")
                      .addInputs(
                          InferInputTensor.newBuilder()
                              .setName("input")
                              .setDatatype("FP32")
                              .addShape(1)
                              .addShape(3))
                      .addRawInputContents(ByteString.copyFrom(new byte[12]))
                      .build())
              .getRawOutputContents(0);

      assertThat(answer).isEqualTo(ByteString.copyFrom(new byte[12]));
      agent.destroy();
      assertThat(agent.waitFor(20, TimeUnit.SECONDS)).isTrue();
      assertThat(agent.exitValue()).isEqualTo(SIGTERM_EXIT_CODE);
      assertThat(socket).doesNotExist();
      assertThat(second).doesNotExist();
      assertThat(folder.resolve("err"))
          .content()
          .contains("model empty@1 is not served: ")
          .doesNotContain("WARNING");
    } finally {
      agent.destroyForcibly();
    }
  }
}
